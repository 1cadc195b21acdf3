// The formats of dataset files, and which of them a file has.
import type { FieldNames } from '../contracts/field-names'
import type { DATA_FORMATS, DataSettings } from '../contracts/settings'
import { conversationField, trl, TRL_FIELDS } from './trl'
import type { Format } from './format'
import { rowByFields, trimmed, verbatim } from './named-fields'
import { hh, openaiComparisons, pandalm, tldr } from './published'
import { parseTranscript } from './row'

const OWN: FieldNames = {
  id: 'id',
  prompt: 'prompt',
  messages: 'messages',
  reference: 'reference',
  responses: 'responses',
  preferred: 'preferred',
  scores: 'scores',
}

/** Our own rows: JSON objects with the fields above, or with those that a mapping names. */
const jsonl: Format = {
  name: 'jsonl',
  fields: [...Object.keys(OWN), 'conversations'],
  read: (raw, task, { fields }) =>
    rowByFields(raw, fields ?? { ...OWN, messages: conversationField(raw) }, verbatim, task),
}

/** A published dataset whose rows a mapping can say. */
const mappedFormat = (name: string, fields: FieldNames): Format => ({
  name,
  read: (raw, task) => rowByFields(raw, fields, trimmed, task),
})

/** Stanford Human Preferences: `labels` is 1 where the first comment was preferred. */
const shp = mappedFormat('shp', {
  prompt: 'history',
  responses: ['human_ref_A', 'human_ref_B'],
  preferred: { field: 'labels', first: [1, true], second: [0, false], tie: [] },
})

/** UltraFeedback: four responses to an instruction, each with a score. */
const ultrafeedback = mappedFormat('ultrafeedback', {
  prompt: 'instruction',
  responses: 'completions[].response',
  scores: 'completions[].overall_score',
})

/** WebGPT's comparisons: each answer has a score, and both add up to 0. */
const webgpt: Format = {
  name: 'webgpt',
  read(raw, task) {
    const isText = typeof (raw as { question?: unknown }).question === 'string'
    const prompt = isText ? 'question' : 'question.full_text'
    const fields = { prompt, responses: ['answer_0', 'answer_1'], scores: ['score_0', 'score_1'] }
    return rowByFields(raw, fields, trimmed, task)
  },
}

const formats: Record<(typeof DATA_FORMATS)[number], Format> = {
  jsonl,
  hh,
  pandalm,
  'openai-comparisons': openaiComparisons,
  tldr,
  trl,
  shp,
  ultrafeedback,
  webgpt,
}

/**
 * The configured format; "auto" detects it by the fields that are filled in one of the first rows.
 * @param rows without nulls
 */
export function formatOf({ format, fields }: DataSettings, rows: readonly unknown[]): Format {
  if (format !== 'auto') return formats[format]
  if (fields) return jsonl
  const objects = rows.filter((row): row is Record<string, unknown> => typeof row === 'object' && row !== null)
  return formats[RECOGNIZED.find(([, is]) => objects.some(is))?.[0] ?? 'jsonl']
}

type Recognition = (row: Record<string, unknown>) => boolean
const has =
  (...names: string[]): Recognition =>
  (row) =>
    names.every((name) => Object.hasOwn(row, name))
const isTranscript = (text: unknown) => typeof text === 'string' && parseTranscript(text) !== undefined

/** What each format is recognized by, in the order in which they are tried. */
const RECOGNIZED: [keyof typeof formats, Recognition][] = [
  ['shp', has('history', 'human_ref_A', 'human_ref_B')],
  ['webgpt', has('question', 'answer_0', 'answer_1')],
  ['ultrafeedback', (row) => has('instruction', 'completions')(row) && Array.isArray(row.completions)],
  ['trl', (row) => has('prompt', 'chosen')(row) || has('prompt', 'completion')(row)],
  ['hh', (row) => isTranscript(row.chosen) && typeof row.rejected === 'string'],
  ['trl', has('chosen', 'rejected')],
  ['pandalm', has('annotator1', 'instruction')],
  ['openai-comparisons', has('summaries', 'choice', 'info')],
  ['tldr', has('post', 'summary')],
  ['trl', (row) => has('text')(row) && !TRL_FIELDS.some((name) => name !== 'text' && has(name)(row))],
]
