// Any OpenAI-compatible endpoint as labeler: the chat or the completion route, by the log-probabilities of the first token of the
// answer, or by counting sampled answers where there are none.
import { z } from 'zod'
import type { EndpointSettings } from '../contracts/labeler-settings'
import { EndpointRefused, openClient, type EndpointClient, type Usage } from './endpoint-client'
import {
  isUnanswered,
  logSumExp,
  type Labeler,
  type OnAnswer,
  type OptionAnswer,
  type Question,
  type Unanswered,
  type WritingSettings,
} from './labeler'

/** The most that common servers return for a position. */
const TOP_LOGPROBS = 20
/** Room for a space before the answer. */
const COUNTED_TOKENS = 3

const tokenLogProb = z.object({ token: z.string(), logprob: z.number() })
const contentLogProbs = z.object({
  content: z.array(tokenLogProb.extend({ top_logprobs: z.array(tokenLogProb).nullish() })).nullish(),
})
const legacyLogProbs = z.object({ top_logprobs: z.array(z.record(z.string(), z.number())).nullish() })
const replySchema = z.object({
  choices: z
    .array(
      z.object({
        text: z.string().nullish(),
        message: z.object({ content: z.string().nullish() }).nullish(),
        logprobs: z.intersection(contentLogProbs, legacyLogProbs).nullish(),
      }),
    )
    .min(1),
})
type Choice = z.infer<typeof replySchema>['choices'][number]

export interface EndpointLabeler extends Labeler {
  usage: Usage
}

/** An endpoint that this process serves itself, under a name in the place of an address. */
export interface OwnEndpoint {
  /** What `labeler.baseUrl` is then. */
  baseUrl: string
  /** For reports. */
  name: string
  /** @returns the address it has now */
  open(): Promise<string>
}

/** @param own endpoints that this process serves */
export async function openEndpoint(settings: EndpointSettings, own: readonly OwnEndpoint[]): Promise<EndpointLabeler> {
  const served = own.find(({ baseUrl }) => baseUrl === settings.baseUrl)
  return endpointLabeler(settings, served && { name: served.name, address: await served.open() })
}

/** @param served where the endpoint is, if this process serves it */
export function endpointLabeler(
  settings: EndpointSettings,
  served?: { name: string; address: string },
): EndpointLabeler {
  const client = openClient(settings, served?.address)
  let proven = false

  /** Answers all questions with so many at once. The first goes alone: an endpoint that is not there should not be asked a thousand times. */
  async function inPool<T>(
    questions: readonly Question[],
    answer: (question: Question) => Promise<T | Unanswered>,
    onAnswer?: OnAnswer<T>,
  ): Promise<(T | Unanswered)[]> {
    const out: (T | Unanswered)[] = []
    let next = 0
    const one = async () => {
      const i = next++
      out[i] = await answer(questions[i]!)
      onAnswer?.(i, out[i])
      return out[i]
    }
    if (!proven && questions.length > 0) {
      const first = await one()
      if (isUnanswered(first) && !first.tooLong && client.usage.promptTokens === 0 && / tries$/.test(first.failed))
        throw new Error(`label: the endpoint does not answer: ${first.failed}; is it up, and is labeler.baseUrl right?`)
      proven = true
    }
    const worker = async () => {
      while (next < questions.length) {
        await one().catch((error: unknown) => {
          next = questions.length // nobody begins another
          throw error
        })
      }
    }
    const workers = await Promise.allSettled(
      Array.from({ length: Math.min(settings.concurrency, questions.length) }, worker),
    )
    for (const end of workers) if (end.status === 'rejected') throw end.reason
    return out
  }

  return {
    name: served ? `${settings.model} of ${served.name}` : `${settings.model} at ${new URL(settings.baseUrl).host}`,
    identity: {
      baseUrl: settings.baseUrl,
      model: settings.model,
      route: settings.route,
      dialect: settings.dialect,
      countedAnswers: settings.countedAnswers,
    },
    usage: client.usage,
    ask: (questions, options, onAnswer) =>
      inPool(
        questions,
        (question) =>
          settings.countedAnswers
            ? countAnswers(client, settings, question, options)
            : readLogProbs(client, settings, question, options),
        onAnswer,
      ),
    write: (questions, writing, onAnswer) =>
      inPool(questions, (question) => continuation(client, settings, question, writing), onAnswer),
  }
}

// ---- What is sent

interface Sampling {
  max_tokens: number
  temperature: number
  seed?: number
  top_k?: number
}

/** Servers that go on from an assistant's turn get the ending as its beginning; for the others it is the last line of the user's. */
function messagesOf({ dialect }: EndpointSettings, { text, ending }: Question): object {
  const prefilled = [
    { role: 'user', content: text },
    { role: 'assistant', content: ending },
  ]
  if (dialect === 'vllm') return { messages: prefilled, add_generation_prompt: false, continue_final_message: true }
  if (dialect === 'llama.cpp') return { messages: prefilled }
  return { messages: [{ role: 'user', content: `${text}\n${ending}` }] }
}

/** What is posted, and where, below the base URL. */
export interface Request {
  route: string
  body: object
}

function requestOf(settings: EndpointSettings, question: Question, sampling: Sampling, more: object = {}): Request {
  const isChat = settings.route === 'chat'
  const prompt = isChat ? messagesOf(settings, question) : { prompt: `${question.text}\n${question.ending}` }
  return {
    route: isChat ? 'chat/completions' : 'completions',
    body: { model: settings.model, ...prompt, ...sampling, ...more },
  }
}

/** The request that reads the answer's log-probabilities, or samples it where these are counted. */
export function askingRequest(settings: EndpointSettings, question: Question, sample = 0): Request {
  if (settings.countedAnswers)
    return requestOf(settings, question, { max_tokens: COUNTED_TOKENS, temperature: 1, seed: sample })
  return requestOf(
    settings,
    question,
    { max_tokens: 1, temperature: 0 },
    settings.route === 'chat' ? { logprobs: true, top_logprobs: TOP_LOGPROBS } : { logprobs: TOP_LOGPROBS },
  )
}

/** The request that writes a rationale. */
export function writingRequest(
  settings: EndpointSettings,
  question: Question,
  { maxTokens, temperature, topK: k, seed }: WritingSettings,
): Request {
  return requestOf(settings, question, {
    max_tokens: maxTokens,
    temperature,
    ...(temperature > 0 && { seed, ...topK(settings, k) }),
  })
}

async function send(
  client: EndpointClient,
  { route, body }: Request,
  question: Question,
): Promise<Choice | Unanswered> {
  const { max_tokens: tokensOut } = body as Sampling
  const reply = await client.post(route, body, question.text.length + question.ending.length, tokensOut)
  if (isUnanswered(reply)) return reply
  const parsed = replySchema.safeParse(reply.body)
  if (!parsed.success)
    return {
      failed: `the answer is not a completion: ${parsed.error.issues[0]?.path.join('.')} ${parsed.error.issues[0]?.message}`,
    }
  return parsed.data.choices[0]!
}

const textOf = ({ text, message }: Choice) => text ?? message?.content ?? ''

/** OpenAI's own servers refuse fields they do not know. */
const topK = ({ dialect }: EndpointSettings, k: number) => (dialect !== 'openai' && k > 0 ? { top_k: k } : {})

async function continuation(
  client: EndpointClient,
  settings: EndpointSettings,
  question: Question,
  writing: WritingSettings,
): Promise<string | Unanswered> {
  const choice = await send(client, writingRequest(settings, question, writing), question)
  return isUnanswered(choice) ? choice : textOf(choice).trim()
}

// ---- Reading probabilities

async function readLogProbs(
  client: EndpointClient,
  settings: EndpointSettings,
  question: Question,
  options: readonly string[],
): Promise<OptionAnswer | Unanswered> {
  const choice = await send(client, askingRequest(settings, question), question)
  if (isUnanswered(choice)) return choice
  const returned = returnedLogProbs(choice)
  if (!returned) {
    throw new EndpointRefused(
      `label: the endpoint returned no log-probabilities (model ${settings.model}); use a server that gives them, such as vLLM or llama.cpp, or set labeler.countedAnswers to count sampled answers instead`,
    )
  }
  const logProbs = options.map((option) =>
    logSumExp([...returned].filter(([token]) => token.trim() === option).map(([, logProb]) => logProb)),
  )
  return { logProbs, floor: Math.min(...returned.values()) }
}

/** The list for the first token, in the form of the chat route or of the older completion route. */
function returnedLogProbs({ logprobs }: Choice): Map<string, number> | undefined {
  const first = logprobs?.content?.[0]
  if (first) return new Map([...(first.top_logprobs ?? []), first].map(({ token, logprob }) => [token, logprob]))
  const legacy = logprobs?.top_logprobs?.[0]
  return legacy && Object.keys(legacy).length > 0 ? new Map(Object.entries(legacy)) : undefined
}

/** Shares of sampled answers; answers that are none of the options are left out. */
async function countAnswers(
  client: EndpointClient,
  settings: EndpointSettings,
  question: Question,
  options: readonly string[],
): Promise<OptionAnswer | Unanswered> {
  const wanted = settings.countedAnswers!
  const counts = options.map(() => 0)
  for (let sample = 0; sample < wanted; sample++) {
    const choice = await send(client, askingRequest(settings, question, sample), question)
    if (isUnanswered(choice)) return choice
    const said = /^\W*(\d+|\w+)/.exec(textOf(choice))?.[1]
    const at = options.indexOf(said ?? '')
    if (at >= 0) counts[at]!++
  }
  const total = counts.reduce((a, b) => a + b, 0)
  if (total === 0) return { failed: `none of ${wanted} sampled answers is one of ${options.join(', ')}` }
  return { logProbs: counts.map((count) => Math.log(count / total)), counted: wanted }
}
