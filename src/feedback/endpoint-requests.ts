// The requests that a labeler sends: for the log-probabilities of an answer, for a sampled answer, for a rationale.
import type { EndpointSettings } from '../contracts/labeler-settings'
import { largest } from '../extremes'
import type { Question, WritingSettings } from './labeler'
import { formOf, type RequestForm } from './request-form'

/** Tokens of a sampled answer that is one character or two, with room for a space before it. */
const COUNTED_TOKENS = 3

interface Sampling {
  max_tokens: number
  temperature: number
  seed?: number
  top_k?: number
}

/**
 * Servers that continue an assistant's turn get the ending as its beginning; for the others it is the last line of the
 * user's turn.
 */
function messagesOf({ continues }: RequestForm, { text, ending }: Question): object {
  if (continues === undefined) return { messages: [{ role: 'user', content: `${text}\n${ending}` }] }
  const prefilled = [
    { role: 'user', content: text },
    { role: 'assistant', content: ending },
  ]
  return { messages: prefilled, ...continues }
}

/** What is posted, and to which route below the base URL. */
export interface Request {
  route: string
  body: object
  /** The most tokens that the answer may have. */
  tokensOut: number
}

function requestOf(settings: EndpointSettings, question: Question, sampling: Sampling, more: object = {}): Request {
  const isChat = settings.route === 'chat'
  const form = formOf(settings)
  const prompt = isChat ? messagesOf(form, question) : { prompt: `${question.text}\n${question.ending}` }
  return {
    route: isChat ? 'chat/completions' : 'completions',
    body: form.shaped({ model: settings.model, ...prompt, ...sampling, ...more }),
    tokensOut: sampling.max_tokens,
  }
}

/**
 * The request that reads the answer's log-probabilities, or samples one answer where samples are counted.
 * @param options the longest of them must fit into a sampled answer, whatever the vocabulary splits
 */
export function askingRequest(
  settings: EndpointSettings,
  question: Question,
  options: readonly string[],
  sample = 0,
): Request {
  const longest = largest(options.map(({ length }) => length))
  const { countedAnswers, thinkingTokens, topLogProbs } = formOf(settings)
  if (countedAnswers)
    return requestOf(settings, question, {
      max_tokens: Math.max(COUNTED_TOKENS, longest + 1) + thinkingTokens,
      temperature: 1,
      seed: sample,
    })
  return requestOf(
    settings,
    question,
    { max_tokens: 1, temperature: 0 },
    settings.route === 'chat' ? { logprobs: true, top_logprobs: topLogProbs } : { logprobs: topLogProbs },
  )
}

/** The request that writes a rationale. */
export function writingRequest(
  settings: EndpointSettings,
  question: Question,
  { maxTokens, temperature, topK, seed }: WritingSettings,
): Request {
  const { thinkingTokens, hasTopK } = formOf(settings)
  return requestOf(settings, question, {
    max_tokens: maxTokens + thinkingTokens,
    temperature,
    ...(temperature > 0 && { seed, ...(hasTopK && topK > 0 && { top_k: topK }) }),
  })
}
