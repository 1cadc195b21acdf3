// The formats of dataset files, and which of them a file has.
import type { FieldNames } from '../contracts/field-names'
import type { DATA_FORMATS, DataSettings } from '../contracts/settings'
import { conversationField, trl, TRL_FIELDS } from './trl'
import type { Format } from './format'
import { rowByFields, verbatim } from './named-fields'
import { alpaca, hh, openaiComparisons, pandalm, tldr } from './published'
import { parseTranscript } from './row'
import { shp, ultrafeedback, webgpt } from './scored'

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
export const ownFormat: Format = {
  name: 'jsonl',
  fields: [...Object.keys(OWN), 'conversations'],
  read: (raw, task, { fields }) =>
    rowByFields(raw, fields ?? { ...OWN, messages: conversationField(raw) }, verbatim, task),
}

const formats: Record<(typeof DATA_FORMATS)[number], Format> = {
  jsonl: ownFormat,
  hh,
  pandalm,
  'openai-comparisons': openaiComparisons,
  tldr,
  trl,
  shp,
  ultrafeedback,
  webgpt,
  alpaca,
}

/**
 * The configured format; "auto" detects it by the fields that are filled in one of the first rows.
 * @param rows without nulls
 */
export function formatOf({ format, fields }: DataSettings, rows: readonly unknown[]): Format {
  if (format !== 'auto') return formats[format]
  if (fields) return ownFormat
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
  ['alpaca', has('instruction', 'output')],
  ['trl', (row) => has('text')(row) && !TRL_FIELDS.some((name) => name !== 'text' && has(name)(row))],
]
