// TRL's dataset formats, as texts and as turns: language modeling, prompt-only, prompt-completion, preference, and
// unpaired preference. https://huggingface.co/docs/trl/dataset_formats
import type { FieldNames } from '../contracts/field-names'
import type { Format } from './format'
import { rowByFields, trimmed } from './named-fields'
import { parseTranscript } from './row'
import { Unusable } from './unusable'

const NAMES: FieldNames = {
  id: 'id',
  prompt: 'prompt',
  reference: 'completion',
  chosen: 'chosen',
  rejected: 'rejected',
}
export const TRL_FIELDS = ['prompt', 'completion', 'chosen', 'rejected', 'messages', 'conversations', 'text']

/** ShareGPT's name of a conversation, where the row has it. */
export const conversationField = (raw: object): string =>
  !Object.hasOwn(raw, 'messages') && Object.hasOwn(raw, 'conversations') ? 'conversations' : 'messages'

export const trl: Format = {
  name: 'trl',
  fields: ['id', 'label', ...TRL_FIELDS],
  read(given, task) {
    const raw = given as Record<string, unknown>
    const { reference: completion, ...others } = NAMES
    const names = isDisliked(raw) ? others : { ...others, reference: completion }
    return rowByFields(
      { ...raw, ...textAsTurns(raw), ...implicitPrompt(raw) },
      { ...names, messages: conversationField(raw) },
      trimmed,
      task,
    )
  },
}

/** Unpaired preference: a completion that people did not like is nothing to learn from; its prompt is one. */
const isDisliked = ({ label }: Record<string, unknown>) => ['false', '0'].includes(String(label).toLowerCase())

/** Language modeling as a text: a transcript tells the prompt from the response. */
function textAsTurns({ text, ...raw }: Record<string, unknown>): object {
  if (text === undefined || TRL_FIELDS.some((name) => raw[name] !== undefined)) return {}
  const messages = typeof text === 'string' ? parseTranscript(text) : undefined
  if (!messages) throw new Unusable('a text without a mark of where the response begins')
  return { messages }
}

/**
 * The prompt of two texts that begin alike, as TRL's `extract_prompt` takes it; only where no other field could be the
 * prompt, whose answers may begin alike as well.
 */
function implicitPrompt({ id: _, chosen, rejected, ...others }: Record<string, unknown>): object {
  if (typeof chosen !== 'string' || typeof rejected !== 'string' || isTranscript(chosen)) return {}
  if (Object.values(others).some((value) => typeof value !== 'number' && typeof value !== 'boolean')) return {}
  let common = 0
  while (common < chosen.length && chosen[common] === rejected[common]) common++
  if (/[ \ud800-\udbff]/.test(chosen[common - 1] ?? '')) common-- // nor between the halves of a character
  const prompt = chosen.slice(0, common)
  return prompt.trim() === '' ? {} : { prompt, chosen: chosen.slice(common), rejected: rejected.slice(common) }
}

const isTranscript = (text: string) => (parseTranscript(text)?.length ?? 0) > 1
