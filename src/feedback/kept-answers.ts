// A cache of answers, keyed by what they depend on: labeler, question, options or sampling settings. After a crash, on
// a retry or in another run only missing answers are requested, and a question that occurs twice in a list is asked
// once. Failures are not stored: they are asked again.
//
// Answers of an endpoint are stored as they arrive: each was paid for. Those of a local model differ by rounding with
// the batch they were computed in, so they are computed and stored in whole groups: a stage that was killed and
// restarted ends with the same bytes.
import { createHash } from 'node:crypto'
import { z } from 'zod'
import { isUnanswered, type Labeler, type OnAnswer, type OptionAnswer, type Question, type Unanswered } from './labeler'

export interface AnswerStore {
  get(key: string): unknown
  /** Stores all of them or, if the process dies, none. */
  put(answers: readonly (readonly [key: string, answer: unknown])[]): void
}

/** JSON has neither −∞ (probability 0) nor undefined in a list (not returned): the two must not become one. */
const logProb = z.union([
  z.number(),
  z.literal('-Infinity').transform(() => -Infinity),
  z.null().transform(() => undefined),
])
const optionAnswer = z.object({ logProbs: z.array(logProb), floor: logProb.optional(), counted: z.number().optional() })
const asJson = (_: string, value: unknown) => (value === -Infinity ? '-Infinity' : value)
const plain = (answer: unknown): unknown => JSON.parse(JSON.stringify(answer, asJson))

/** 162 bits of a digest. */
const keyOf = (parts: unknown) => createHash('sha256').update(JSON.stringify(parts)).digest('base64url').slice(0, 27)

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

/** The same labeler, which never asks again what it has asked before. `reused` counts the answers from the store. */
export function keepingAnswers(labeler: Labeler, store: AnswerStore): Labeler & { reused: number } {
  const keeping: Labeler & { reused: number } = {
    ...labeler,
    reused: 0,
    ask: (questions, options, onAnswer) =>
      answerInGroups<OptionAnswer>(questions, {
        parameters: options,
        schema: optionAnswer,
        ask: (missing, keep) => labeler.ask(missing, options, keep),
        onAnswer,
      }),
    write: (questions, settings, onAnswer) =>
      answerInGroups<string>(questions, {
        parameters: settings,
        schema: z.string(),
        ask: (missing, keep) => labeler.write(missing, settings, keep),
        onAnswer,
      }),
  }

  async function answerInGroups<T>(questions: readonly Question[], request: Request<T>): Promise<(T | Unanswered)[]> {
    const size = labeler.groupSize ?? Math.max(1, questions.length)
    const answers: (T | Unanswered)[] = []
    for (let from = 0; from < questions.length; from += size)
      answers.push(...(await answerGroup(questions.slice(from, from + size), from, request)))
    return answers
  }

  /** @param from index of the group's first question in the list that the caller passed */
  async function answerGroup<T>(
    group: readonly Question[],
    from: number,
    request: Request<T>,
  ): Promise<(T | Unanswered)[]> {
    const answers: (T | Unanswered)[] = []
    const missing = new Map<string, Missing>()
    group.forEach((question, place) => {
      const key = keyOf([labeler.identity, question.text, question.ending, request.parameters])
      const stored = request.schema.safeParse(store.get(key))
      if (!stored.success)
        return missing.set(key, { question, key, places: [...(missing.get(key)?.places ?? []), place] })
      answers[place] = stored.data
      keeping.reused++
      return request.onAnswer?.(from + place, stored.data)
    })
    await askMissing([...missing.values()], request, ({ places }, answer) => {
      for (const place of places) {
        answers[place] = answer
        request.onAnswer?.(from + place, answer)
      }
    })
    return answers
  }

  /** Asks and stores: each answer at once, or all together where they are computed in groups. */
  async function askMissing<T>(
    missing: readonly Missing[],
    { ask }: Request<T>,
    onAnswer: (missing: Missing, answer: T | Unanswered) => void,
  ): Promise<void> {
    if (missing.length === 0) return
    const computed: [string, unknown][] = []
    await ask(
      missing.map(({ question }) => question),
      (i, answer) => {
        const { key } = missing[i]!
        if (!isUnanswered(answer)) {
          if (labeler.groupSize === undefined) store.put([[key, plain(answer)]])
          else computed.push([key, plain(answer)])
        }
        onAnswer(missing[i]!, answer)
      },
    )
    if (computed.length > 0) store.put(computed)
  }

  return keeping
}
