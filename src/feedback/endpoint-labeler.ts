// Any OpenAI-compatible endpoint as labeler, by the log-probabilities of the first token of its answer.
import { z } from 'zod'
import type { EndpointSettings } from '../contracts/settings'
import { logSumExp, type Labeler, type OptionLogProbs, type Question, type Unanswered } from './labeler'

/** The most that common servers return for a position. */
const TOP_LOGPROBS = 20
const FIRST_PAUSE_MS = 500
const LONGEST_PAUSE_MS = 30_000

const tokenLogProb = z.object({ token: z.string(), logprob: z.number() })
const chatResponse = z.object({
  choices: z.array(z.object({ logprobs: z.object({ content: z.array(tokenLogProb.extend({ top_logprobs: z.array(tokenLogProb).default([]) })).nullish() }).nullish() })).min(1),
})

/** The endpoint cannot be used as it is set up; asking again would not help. */
export class EndpointRefused extends Error {
  override name = 'EndpointRefused'
}

interface Reply {
  body: unknown
}

function keyOf(settings: EndpointSettings): string | undefined {
  if (!settings.apiKeyEnv) return undefined
  const key = process.env[settings.apiKeyEnv]
  if (!key) throw new EndpointRefused(`label: field "labeler.apiKeyEnv" names ${settings.apiKeyEnv}, which is not set where this worker runs; set it and start the worker again`)
  return key
}

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

/** Retry-After in milliseconds, where the server gives seconds. */
function askedPause(response: Response): number | undefined {
  const seconds = Number(response.headers.get('retry-after') ?? NaN)
  return Number.isFinite(seconds) ? Math.min(seconds * 1000, LONGEST_PAUSE_MS) : undefined
}

/** Posts until it succeeds or the tries are used up. 4xx other than 408 and 429 is not tried again. */
async function post(settings: EndpointSettings, key: string | undefined, body: unknown): Promise<Reply | Unanswered> {
  const url = `${settings.baseUrl.replace(/\/+$/, '')}/chat/completions`
  let last = ''
  for (let attempt = 0; attempt <= settings.retries; attempt++) {
    let wait = Math.min(FIRST_PAUSE_MS * 2 ** attempt, LONGEST_PAUSE_MS)
    try {
      const response = await fetch(url, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...(key && { authorization: `Bearer ${key}` }) },
        body: JSON.stringify(body),
        signal: AbortSignal.timeout(settings.timeoutSeconds * 1000),
      })
      if (response.ok) return { body: await response.json() }
      const text = (await response.text()).slice(0, 300)
      last = `HTTP ${response.status} ${text}`
      if (response.status === 401 || response.status === 403 || response.status === 404) throw new EndpointRefused(`label: ${url} answered ${last}; check labeler.baseUrl, labeler.model ("${settings.model}") and labeler.apiKeyEnv`)
      if (response.status < 500 && response.status !== 408 && response.status !== 429) return { failed: last }
      wait = askedPause(response) ?? wait
    } catch (error) {
      if (error instanceof EndpointRefused) throw error
      const { cause, message } = error as Error
      last = `${message}${cause instanceof Error ? ` (${cause.message})` : ''}`
    }
    if (attempt < settings.retries) await pause(wait)
  }
  return { failed: `${url}: ${last}, after ${settings.retries + 1} tries` }
}

/** "1" and " 1" are the same answer: their probabilities are added. */
function optionLogProbs(body: unknown, options: readonly string[], model: string): OptionLogProbs | Unanswered {
  const parsed = chatResponse.safeParse(body)
  if (!parsed.success) return { failed: `the answer is not a chat completion: ${parsed.error.issues[0]?.path.join('.')} ${parsed.error.issues[0]?.message}` }
  const first = parsed.data.choices[0]!.logprobs?.content?.[0]
  if (!first) throw new EndpointRefused(`label: the endpoint returned no log-probabilities (model ${model}); use a server that supports "logprobs" and "top_logprobs", such as vLLM, llama.cpp or OpenAI`)
  const returned = new Map([...first.top_logprobs, first].map(({ token, logprob }) => [token, logprob]))
  return options.map((option) => logSumExp([...returned].filter(([token]) => token.trim() === option).map(([, logProb]) => logProb)))
}

export function endpointLabeler(settings: EndpointSettings): Labeler {
  const key = keyOf(settings)
  const askOne = async ({ text, ending }: Question, options: readonly string[]) => {
    const body = { model: settings.model, messages: [{ role: 'user', content: `${text}\n${ending}` }], max_tokens: 1, temperature: 0, logprobs: true, top_logprobs: TOP_LOGPROBS }
    const reply = await post(settings, key, body)
    return 'failed' in reply ? reply : optionLogProbs(reply.body, options, settings.model)
  }
  return {
    name: `${settings.model} at ${new URL(settings.baseUrl).host}`,
    async ask(questions, options, onProgress) {
      if (questions.length === 0) return []
      const first = await askOne(questions[0]!, options)
      if ('failed' in first) throw new Error(`label: the endpoint does not answer: ${first.failed}; is it up, and is labeler.baseUrl right?`)
      const answers: (OptionLogProbs | Unanswered)[] = [first]
      let next = 1
      let answered = 1
      const worker = async () => {
        for (let i = next++; i < questions.length; i = next++) {
          answers[i] = await askOne(questions[i]!, options)
          onProgress?.(++answered)
        }
      }
      await Promise.all(Array.from({ length: Math.min(settings.concurrency, questions.length) }, worker))
      return answers
    },
  }
}
