// How requests to an endpoint are formed: the kind of server, and how it differs from the common part of the API.
import { z } from 'zod'
import { count, environmentName } from './fields'

/** Kinds of servers. What each supports is in feedback/dialects.ts. */
export const DIALECTS = [
  'openai',
  'openai-reasoning',
  'azure',
  'anthropic',
  'google',
  'vllm',
  'sglang',
  'llama.cpp',
  'ollama',
  'tgi',
  'litellm',
] as const
export type DialectName = (typeof DIALECTS)[number]

/** What becomes of the text that a model thinks before its answer. */
export const THINKING = ['strip', 'off', 'rationale', 'refuse'] as const
export type Thinking = (typeof THINKING)[number]

const fieldName = z.string().regex(/^[A-Za-z][\w.-]{0,63}$/, 'expected the name of a field of the request')
/** Fields that make the request; an added one would ask something else, or be answered in another form. */
const OF_THE_REQUEST = ['model', 'messages', 'prompt', 'stream', 'n', 'echo']
const added = z
  .record(fieldName, z.json())
  .refine(
    (fields) => OF_THE_REQUEST.every((name) => !Object.hasOwn(fields, name)),
    `must not set ${OF_THE_REQUEST.join(', ')}: rlaif does`,
  )

/** Headers that HTTP or rlaif sets; a key goes into the others. */
const OF_HTTP = /^(host|connection|content-.*|transfer-encoding|te|upgrade|trailer|expect|cookie|traceparent|baggage)$/i
const headerName = z
  .string()
  .regex(/^[A-Za-z][\w-]{0,63}$/, 'expected the name of an HTTP header')
  .refine((name) => !OF_HTTP.test(name), 'is set by rlaif itself')

export const requestFields = {
  dialect: z
    .enum(DIALECTS)
    .default('openai')
    .describe(
      'Kind of server: which fields it takes, how its key is sent, how many log-probabilities it returns, whether it ' +
        'continues a prefilled answer. `rlaif labeler check` finds the right settings.',
    ),
  request: z
    .strictObject({
      omit: z.array(fieldName).max(50).optional().describe('Fields that are not sent, e.g. ["temperature", "seed"].'),
      rename: z
        .record(fieldName, fieldName)
        .optional()
        .describe('Fields that are sent under another name, e.g. {"max_tokens": "max_completion_tokens"}.'),
      add: added
        .optional()
        .describe('Fields that are sent in addition, with their values. No keys: they would be kept.'),
    })
    .optional()
    .describe('How the fields of a request differ from those of the dialect. Default: as the dialect says.'),
  headers: z
    .record(headerName, environmentName)
    .optional()
    .describe(
      "HTTP headers in addition, each with the name of the worker's environment variable that holds its value, e.g. " +
        '{"x-api-key": "GATEWAY_API_KEY"}. They go where the key may go. Default: none.',
    ),
  topLogProbs: count
    .max(1000)
    .optional()
    .describe(
      'Number of most likely tokens to ask log-probabilities of; some servers allow 5. An answer that is not among ' +
        'them has a bound instead of a probability. Default: as the dialect says, mostly 20.',
    ),
  thinking: z
    .enum(THINKING)
    .optional()
    .meta({
      default: 'strip',
      description:
        'Text that a reasoning model thinks before its answer, in <think> tags or in fields like "reasoning_content": ' +
        '"strip" leaves it out, "rationale" makes it the beginning of the rationale, "refuse" fails the question, ' +
        '"off" asks the server not to think and strips what comes all the same.',
    }),
  thinkingTokens: z
    .number()
    .int()
    .min(0)
    .max(65536)
    .optional()
    .describe(
      'Tokens in which a model may think, added to the limit of each answer that is written or counted. ' +
        'Default: as the dialect says, mostly 0.',
    ),
}
