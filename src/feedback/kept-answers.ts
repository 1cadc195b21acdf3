// A cache of answers, keyed by what they depend on: labeler, question, options or sampling settings. After a crash, on
// a retry or in another run only missing answers are requested, and a question that occurs twice in a list is asked
// once. Failures and answers that say nothing are not stored: they are asked again.
//
// Answers of an endpoint are stored as they arrive, with what they cost. Those of a local model differ by rounding with
// the batch they were computed in, so they are computed and stored in whole groups: a stage that was killed and
// restarted ends with the same bytes.
import { createHash } from 'node:crypto'
import { z } from 'zod'
import type { KeptAnswers } from '../contracts/labeler-settings'
import type { Usage } from '../contracts/usage'
import {
  isUnanswered,
  saysSomething,
  type Labeler,
  type OnAnswer,
  type OptionAnswer,
  type Question,
  type Unanswered,
  type Written,
} from './labeler'

export interface AnswerStore {
  find(key: string): StoredAnswer | undefined
  /** Stores all of them or, if the process dies, none. */
  put(answers: readonly (readonly [key: string, answer: unknown, usage?: Usage | undefined])[]): void
  /** Notes what was paid for without an answer to keep. */
  pay(usage: Usage): void
}
interface StoredAnswer {
  answer: unknown
  at: Date | undefined
  isOwn: { run: boolean; work: boolean }
  usage: Usage | undefined
}

/** Which answers a stage rests on, for its summary. */
export interface AnswerFigures {
  reusedAnswers: number
  /** What the reused ones cost when other work asked for them. */
  reusedCost: number
  /** The days, in UTC, of the oldest and the newest answer. */
  answersFrom: string | null
  answersTo: string | null
  /** Answers of an earlier version, which did not store when they were given. */
  undatedAnswers: number
  /** Rationales, and how many of them were cut at `rationaleTokens`. */
  rationales: number
  cutRationales: number
}
export type KeepingLabeler = Labeler & { readonly reused: number; figures(): AnswerFigures }

/** JSON has neither −∞ (probability 0) nor undefined in a list (not returned): the two must not become one. */
const logProb = z.union([
  z.number(),
  z.literal('-Infinity').transform(() => -Infinity),
  z.null().transform(() => undefined),
])
const optionAnswer = z
  .object({ logProbs: z.array(logProb), floor: logProb.optional(), counted: z.number().optional() })
  .refine(saysSomething) // earlier versions stored others too
const written = z.union([z.string().trim().min(1), z.object({ text: z.string().trim().min(1), cut: z.literal(true) })])
const asJson = (_: string, value: unknown) => (value === -Infinity ? '-Infinity' : value)
const plain = (answer: unknown): unknown => JSON.parse(JSON.stringify(answer, asJson))

/** 162 bits of a digest. */
const keyOf = (parts: unknown) => createHash('sha256').update(JSON.stringify(parts)).digest('base64url').slice(0, 27)
const DAY_MS = 86_400_000

/** Whether a stored answer may be used: this run's own may always be, so that no attempt pays twice. */
function isUsable({ isOwn, at }: StoredAnswer, policy: KeptAnswers): boolean {
  if (policy === 'keep' || isOwn.run || isOwn.work) return true
  return policy !== 'again' && at !== undefined && Date.now() - at.getTime() <= policy.maxAgeDays * DAY_MS
}

/** How missing answers of one kind are requested. */
interface Request<T> {
  /** What an answer depends on in addition to labeler and question. */
  parameters: unknown
  /** Schema of a stored answer. */
  schema: z.ZodType<T>
  ask(questions: Question[], onAnswer: OnAnswer<T>): Promise<unknown>
  onAnswer: OnAnswer<T> | undefined
}

/** A question that is not in the store, with all its places in the list. */
interface Missing {
  question: Question
  key: string
  places: number[]
}

/** Who is asked, where answers are kept, and which of them are used. */
interface Keeping {
  labeler: Labeler
  store: AnswerStore
  policy: KeptAnswers
  tally: Tally
}

/**
 * The same labeler, which does not ask again what was asked before. `reused` counts the answers from the store.
 * @param policy which answers of earlier runs it uses; those of this run it always does
 */
export function keepingAnswers(labeler: Labeler, store: AnswerStore, policy: KeptAnswers = 'keep'): KeepingLabeler {
  const tally = openTally()
  const keeping: Keeping = { labeler, store, policy, tally }
  return {
    ...labeler,
    get reused() {
      return tally.figures.reusedAnswers
    },
    figures: () => ({ ...tally.figures }),
    ask: (questions, options, onAnswer) =>
      answerInGroups<OptionAnswer>(keeping, questions, {
        parameters: options,
        schema: optionAnswer,
        ask: (missing, keep) => labeler.ask(missing, options, keep),
        onAnswer,
      }),
    async write(questions, settings, onAnswer) {
      const { endsBefore: _, ...parameters } = settings // follows from the question
      const rationales = await answerInGroups<Written>(keeping, questions, {
        parameters,
        schema: written,
        ask: (missing, keep) => labeler.write(missing, settings, keep),
        onAnswer,
      })
      tally.countRationales(rationales)
      return rationales
    },
  }
}

async function answerInGroups<T>(
  keeping: Keeping,
  questions: readonly Question[],
  request: Request<T>,
): Promise<(T | Unanswered)[]> {
  const size = keeping.labeler.groupSize ?? Math.max(1, questions.length)
  const answers: (T | Unanswered)[] = []
  for (let from = 0; from < questions.length; from += size)
    for (const answer of await answerGroup(keeping, questions.slice(from, from + size), from, request))
      answers.push(answer) // of any number
  return answers
}

/** @param from index of the group's first question in the list that the caller passed */
async function answerGroup<T>(
  keeping: Keeping,
  group: readonly Question[],
  from: number,
  request: Request<T>,
): Promise<(T | Unanswered)[]> {
  const { labeler, store, policy, tally } = keeping
  const answers: (T | Unanswered)[] = []
  const missing = new Map<string, Missing>()
  group.forEach((question, place) => {
    const key = keyOf([labeler.identity, question.text, question.ending, request.parameters])
    const found = store.find(key)
    const stored = request.schema.safeParse(found?.answer)
    if (!found || !stored.success || !isUsable(found, policy))
      return missing.set(key, { question, key, places: [...(missing.get(key)?.places ?? []), place] })
    answers[place] = stored.data
    tally.countReused(found)
    return request.onAnswer?.(from + place, stored.data)
  })
  await askMissing(keeping, [...missing.values()], request, ({ places }, answer) => {
    for (const place of places) {
      answers[place] = answer
      request.onAnswer?.(from + place, answer)
    }
  })
  return answers
}

/** Asks and stores: each answer at once, or all together where they are computed in groups. */
async function askMissing<T>(
  { labeler, store, tally }: Keeping,
  missing: readonly Missing[],
  { ask, schema }: Request<T>,
  onAnswer: (missing: Missing, answer: T | Unanswered) => void,
): Promise<void> {
  if (missing.length === 0) return
  const computed: [string, unknown][] = []
  await ask(
    missing.map(({ question }) => question),
    (i, answer, usage) => {
      const { key } = missing[i]!
      const kept = isUnanswered(answer) ? undefined : plain(answer)
      if (!schema.safeParse(kept).success) {
        if (usage) store.pay(usage)
      } else {
        tally.countGiven(new Date())
        if (labeler.groupSize === undefined) store.put([[key, kept, usage]])
        else computed.push([key, kept])
      }
      onAnswer(missing[i]!, answer)
    },
  )
  if (computed.length > 0) store.put(computed)
}

type Tally = ReturnType<typeof openTally>

/** Counts what a stage's summary says about its answers. */
function openTally() {
  const figures: AnswerFigures = {
    reusedAnswers: 0,
    reusedCost: 0,
    answersFrom: null,
    answersTo: null,
    undatedAnswers: 0,
    rationales: 0,
    cutRationales: 0,
  }
  const countGiven = (at: Date) => {
    const day = at.toISOString().slice(0, 10)
    if (figures.answersFrom === null || day < figures.answersFrom) figures.answersFrom = day
    if (figures.answersTo === null || day > figures.answersTo) figures.answersTo = day
  }
  return {
    figures,
    countGiven,
    countReused({ at, isOwn, usage }: StoredAnswer) {
      figures.reusedAnswers++
      if (at) countGiven(at)
      else figures.undatedAnswers++
      if (!isOwn.work) figures.reusedCost += usage?.cost ?? 0
    },
    countRationales(rationales: readonly (Written | Unanswered)[]) {
      const given = rationales.filter((rationale) => !isUnanswered(rationale))
      figures.rationales += given.length
      figures.cutRationales += given.filter((rationale) => typeof rationale === 'object').length
    },
  }
}
