// What kinds of servers take and return beyond, or short of, the common part of OpenAI's API. docs/labelers.md says of
// each whether it was tried or read.
import type { DialectName } from '../contracts/endpoint-request'

export interface Dialect {
  /** What makes the server continue an assistant's turn, beside the turn itself; undefined where it begins another. */
  continues?: object
  /** Fields of the request that it refuses. */
  omit?: readonly string[]
  rename?: Readonly<Record<string, string>>
  add?: object
  /** Whether it knows `top_k`. */
  hasTopK?: true
  /** The most log-probabilities that it returns for one position. */
  topLogProbs: number
  /** Number of answers to sample and count, where it returns no log-probabilities. */
  countedAnswers?: number
  /** Tokens of an answer that it takes for thinking, where it thinks unless told otherwise. */
  thinkingTokens?: number
  /** Fields that ask it not to think. */
  withoutThinking: object
  /** The header that holds the key, in place of `authorization: Bearer …`. */
  keyHeader?: string
}

const TOP = 20
/** Samples for a probability whose error is at most 0.18. */
const COUNTED = 8
const NO_THINKING_IN_TEMPLATE = { chat_template_kwargs: { enable_thinking: false } }
const NO_EFFORT = { reasoning_effort: 'none' }

export const DIALECTS: Readonly<Record<DialectName, Dialect>> = {
  openai: { topLogProbs: TOP, withoutThinking: NO_EFFORT },
  'openai-reasoning': {
    rename: { max_tokens: 'max_completion_tokens' },
    omit: ['temperature', 'seed'],
    topLogProbs: TOP,
    countedAnswers: COUNTED,
    thinkingTokens: 4096,
    withoutThinking: NO_EFFORT,
  },
  azure: { topLogProbs: TOP, keyHeader: 'api-key', withoutThinking: NO_EFFORT },
  anthropic: { omit: ['seed'], topLogProbs: TOP, countedAnswers: COUNTED, withoutThinking: {} },
  google: {
    omit: ['seed'],
    topLogProbs: TOP,
    countedAnswers: COUNTED,
    thinkingTokens: 2048,
    withoutThinking: NO_EFFORT,
  },
  vllm: {
    continues: { add_generation_prompt: false, continue_final_message: true },
    hasTopK: true,
    topLogProbs: TOP,
    withoutThinking: NO_THINKING_IN_TEMPLATE,
  },
  sglang: {
    continues: { continue_final_message: true },
    hasTopK: true,
    topLogProbs: TOP,
    withoutThinking: NO_THINKING_IN_TEMPLATE,
  },
  'llama.cpp': { continues: {}, hasTopK: true, topLogProbs: TOP, withoutThinking: NO_THINKING_IN_TEMPLATE },
  ollama: { hasTopK: true, topLogProbs: TOP, withoutThinking: NO_EFFORT },
  tgi: { topLogProbs: 5, withoutThinking: NO_THINKING_IN_TEMPLATE },
  litellm: { add: { drop_params: true }, topLogProbs: TOP, withoutThinking: NO_EFFORT },
}
