// Answers are kept under what they depend on: labeler, question, what was asked of it. A crash, a retry or another run
// asks only what is not there, and a question that stands in a list twice is asked once. Failures are not kept: they
// are asked again.
//
// Answers of an endpoint are kept as they come: each was paid for. Those of a local model differ by rounding with the
// company they were computed in, so they are computed and kept in whole groups: a stage that was killed and begun again
// ends with the same bytes.
import { createHash } from 'node:crypto'
import { z } from 'zod'
import { isUnanswered, type Labeler, type OnAnswer, type OptionAnswer, type Question, type Unanswered } from './labeler'

export interface AnswerStore {
  get(key: string): unknown
  /** All of them or, where the process dies, none. */
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

const keyOf = (parts: unknown) => createHash('sha256').update(JSON.stringify(parts)).digest('base64url').slice(0, 27) // 162 bits

/** A question with all the places where it stands in the list. */
interface Missing {
  question: Question
  key: string
  places: number[]
}

/** The same labeler, which never asks what it has asked before. `reused` counts the answers taken from the store. */
export function keepingAnswers(labeler: Labeler, store: AnswerStore): Labeler & { reused: number } {
  /** @param from where this part of the questions begins in the list the caller gave */
  async function askPart<T>(
    part: readonly Question[],
    from: number,
    asked: unknown,
    how: Asking<T>,
    onAnswer: OnAnswer<T> | undefined,
  ): Promise<(T | Unanswered)[]> {
    const out: (T | Unanswered)[] = []
    const missing = new Map<string, Missing>()
    part.forEach((question, place) => {
      const key = keyOf([labeler.identity, question.text, question.ending, asked])
      const found = how.schema.safeParse(store.get(key))
      if (!found.success)
        return missing.set(key, { question, key, places: [...(missing.get(key)?.places ?? []), place] })
      out[place] = found.data
      keeping.reused++
      return onAnswer?.(from + place, found.data)
    })
    const fresh: [string, unknown][] = []
    const list = [...missing.values()]
    if (list.length > 0)
      await how.ask(
        list.map(({ question }) => question),
        (i, answer) => {
          const { key, places } = list[i]!
          if (!isUnanswered(answer)) {
            if (labeler.groupSize === undefined) store.put([[key, plain(answer)]])
            else fresh.push([key, plain(answer)])
          }
          for (const place of places) {
            out[place] = answer
            onAnswer?.(from + place, answer)
          }
        },
      )
    if (fresh.length > 0) store.put(fresh)
    return out
  }

  async function inGroups<T>(
    questions: readonly Question[],
    asked: unknown,
    how: Asking<T>,
    onAnswer: OnAnswer<T> | undefined,
  ): Promise<(T | Unanswered)[]> {
    const size = labeler.groupSize ?? Math.max(1, questions.length)
    const out: (T | Unanswered)[] = []
    for (let from = 0; from < questions.length; from += size)
      out.push(...(await askPart(questions.slice(from, from + size), from, asked, how, onAnswer)))
    return out
  }

  const keeping: Labeler & { reused: number } = {
    ...labeler,
    reused: 0,
    ask: (questions, options, onAnswer) =>
      inGroups<OptionAnswer>(
        questions,
        options,
        { schema: optionAnswer, ask: (missing, keep) => labeler.ask(missing, options, keep) },
        onAnswer,
      ),
    write: (questions, settings, onAnswer) =>
      inGroups(
        questions,
        settings,
        { schema: z.string(), ask: (missing, keep) => labeler.write(missing, settings, keep) },
        onAnswer,
      ),
  }
  return keeping
}

interface Asking<T> {
  /** Of an answer in the store. */
  schema: z.ZodType<T>
  ask(questions: Question[], onAnswer: OnAnswer<T>): Promise<unknown>
}
