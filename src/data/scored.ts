// Published datasets whose rows a mapping can say: votes and scores of two or more responses.
import type { FieldNames } from '../contracts/field-names'
import type { Format } from './format'
import { rowByFields, trimmed } from './named-fields'

/** A published dataset whose rows a mapping can say. */
const mappedFormat = (name: string, fields: FieldNames): Format => ({
  name,
  read: (raw, task) => rowByFields(raw, fields, trimmed, task),
})

/** Stanford Human Preferences: `labels` is 1 where the first comment was preferred. */
export const shp = mappedFormat('shp', {
  prompt: 'history',
  responses: ['human_ref_A', 'human_ref_B'],
  preferred: { field: 'labels', first: [1, true], second: [0, false], tie: [] },
})

/** UltraFeedback: four responses to an instruction, each with a score. */
export const ultrafeedback = mappedFormat('ultrafeedback', {
  prompt: 'instruction',
  responses: 'completions[].response',
  scores: 'completions[].overall_score',
})

/** WebGPT's comparisons: each answer has a score, and both add up to 0. */
export const webgpt: Format = {
  name: 'webgpt',
  read(raw, task) {
    const isText = typeof (raw as { question?: unknown }).question === 'string'
    const prompt = isText ? 'question' : 'question.full_text'
    const fields = { prompt, responses: ['answer_0', 'answer_1'], scores: ['score_0', 'score_1'] }
    return rowByFields(raw, fields, trimmed, task)
  },
}

/** A line of WebGPT's own file, a list of both answers with the question in each, as one object; others as they are. */
export function asObject(row: unknown): unknown {
  if (!Array.isArray(row) || row.length !== 2) return row
  const [first, second] = row as [Partial<ScoredAnswer> | null, Partial<ScoredAnswer> | null]
  if (!first?.answer || !second?.answer || JSON.stringify(first.question) !== JSON.stringify(second.question))
    return row
  return {
    question: first.question,
    answer_0: first.answer,
    score_0: first.score,
    answer_1: second.answer,
    score_1: second.score,
  }
}

interface ScoredAnswer {
  question: unknown
  answer: unknown
  score: unknown
}
