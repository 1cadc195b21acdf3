// Answers are kept under what they depend on: labeler, question, what was asked of it. A crash, a retry or another run asks only what is
// not there. Failures are not kept: they are asked again.
import { createHash } from 'node:crypto'
import { isUnanswered, type Labeler, type OnAnswer, type Question, type Unanswered } from './labeler'

export interface AnswerStore {
  get(key: string): unknown
  put(key: string, answer: unknown): void
}

const keyOf = (parts: unknown) => createHash('sha256').update(JSON.stringify(parts)).digest('base64url').slice(0, 27) // 162 bits

/** The same labeler, which never asks what it has asked before. `reused` counts the answers taken from the store. */
export function keepingAnswers(labeler: Labeler, store: AnswerStore): Labeler & { reused: number } {
  async function onlyMissing<T>(questions: readonly Question[], asked: unknown, onAnswer: OnAnswer<T> | undefined, askThese: (questions: Question[], onAnswer: OnAnswer<T>) => Promise<unknown>): Promise<(T | Unanswered)[]> {
    const out: (T | Unanswered)[] = []
    const missing: { question: Question; place: number; key: string }[] = []
    questions.forEach((question, place) => {
      const key = keyOf([labeler.identity, question.text, question.ending, asked])
      const kept = store.get(key) as T | undefined
      if (kept === undefined) return missing.push({ question, place, key })
      out[place] = kept
      keeping.reused++
      return onAnswer?.(place, kept)
    })
    await askThese(missing.map(({ question }) => question), (i, answer) => {
      const { place, key } = missing[i]!
      out[place] = answer
      if (!isUnanswered(answer)) store.put(key, answer)
      onAnswer?.(place, answer)
    })
    return out
  }
  const keeping: Labeler & { reused: number } = {
    ...labeler,
    reused: 0,
    ask: (questions, options, onAnswer) => onlyMissing(questions, options, onAnswer, (missing, keep) => labeler.ask(missing, options, keep)),
    write: (questions, settings, onAnswer) => onlyMissing(questions, settings, onAnswer, (missing, keep) => labeler.write(missing, settings, keep)),
  }
  return keeping
}
