// Any OpenAI-compatible endpoint as labeler, by the chat or the completion route. Probabilities are read from the
// log-probabilities of the answer's first token; without log-probabilities, sampled answers are counted.
import { z } from 'zod'
import type { EndpointSettings } from '../contracts/labeler-settings'
import type { Usage } from './endpoint-budget'
import { openClient, type EndpointClient } from './endpoint-client'
import { EndpointRefused } from './endpoint-errors'
import {
  isUnanswered,
  logSumExp,
  type Labeler,
  type LabelerRole,
  type OnAnswer,
  type OptionAnswer,
  type Question,
  type Unanswered,
  type WritingSettings,
} from './labeler'

/** The most log-probabilities that common servers return for one position. */
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

/** An endpoint that this process serves itself, under a name in place of an address. */
export interface ServedEndpoint {
  /** The value of the setting `baseUrl` that selects it. */
  baseUrl: string
  /** Shown in reports. */
  name: string
  /** @returns its current address */
  open(): Promise<string>
}

/**
 * @param served endpoints that this process serves itself
 * @param role the setting that configures the endpoint; messages name its fields
 */
export async function openEndpoint(
  settings: EndpointSettings,
  served: readonly ServedEndpoint[],
  role?: LabelerRole,
): Promise<EndpointLabeler> {
  const endpoint = served.find(({ baseUrl }) => baseUrl === settings.baseUrl)
  return endpointLabeler(settings, {
    role,
    served: endpoint && { name: endpoint.name, address: await endpoint.open() },
  })
}

export interface EndpointLabelerOptions {
  /** The setting that configures the endpoint; messages name its fields. Default: labeler. */
  role?: LabelerRole | undefined
  /** Where the endpoint is, if this process serves it itself. */
  served?: { name: string; address: string } | undefined
}

export function endpointLabeler(
  settings: EndpointSettings,
  { role = 'labeler', served }: EndpointLabelerOptions = {},
): EndpointLabeler {
  const client = openClient(settings, { role, servedAt: served?.address })
  const endpoint: Endpoint = { client, settings, role }
  const answerAll = answeringPool(endpoint)
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
    ask: (questions, options, onAnswer) => {
      const answer = settings.countedAnswers ? countAnswers : readLogProbs
      return answerAll(questions, (question) => answer(endpoint, question, options), onAnswer)
    },
    write: (questions, writing, onAnswer) =>
      answerAll(questions, (question) => continuation(endpoint, question, writing), onAnswer),
  }
}

interface Endpoint {
  client: EndpointClient
  settings: EndpointSettings
  role: LabelerRole
}

type AnswerAll = <T>(
  questions: readonly Question[],
  answer: (question: Question) => Promise<T | Unanswered>,
  onAnswer?: OnAnswer<T>,
) => Promise<(T | Unanswered)[]>

/**
 * Answers all questions, `concurrency` of them at a time. The very first goes alone: an endpoint that is not there
 * should not be asked a thousand times.
 */
function answeringPool({ client, settings, role }: Endpoint): AnswerAll {
  let hasAnswered = false
  return async (questions, answer, onAnswer) => {
    const answers: Awaited<ReturnType<typeof answer>>[] = []
    let next = 0
    const answerNext = async () => {
      const i = next++
      const answered = await answer(questions[i]!)
      answers[i] = answered
      onAnswer?.(i, answered)
      return answered
    }
    if (!hasAnswered && questions.length > 0) {
      const first = await answerNext()
      if (isUnanswered(first) && isSilent(first, client.usage))
        throw new Error(
          `${role}: the endpoint does not answer: ${first.failed}; is it up, and is ${role}.baseUrl right?`,
        )
      hasAnswered = true
    }
    const worker = async () => {
      while (next < questions.length) {
        await answerNext().catch((error: unknown) => {
          next = questions.length // no worker starts another question
          throw error
        })
      }
    }
    const outcomes = await Promise.allSettled(
      Array.from({ length: Math.min(settings.concurrency, questions.length) }, worker),
    )
    for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason
    return answers
  }
}

/** Whether nothing ever came back: all tries were used up and no token was counted. */
const isSilent = ({ failed, tooLong }: Unanswered, { promptTokens }: Usage) =>
  !tooLong && promptTokens === 0 && / tries$/.test(failed)

// ---- What is sent

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
function messagesOf({ dialect }: EndpointSettings, { text, ending }: Question): object {
  const prefilled = [
    { role: 'user', content: text },
    { role: 'assistant', content: ending },
  ]
  if (dialect === 'vllm') return { messages: prefilled, add_generation_prompt: false, continue_final_message: true }
  if (dialect === 'llama.cpp') return { messages: prefilled }
  return { messages: [{ role: 'user', content: `${text}\n${ending}` }] }
}

/** What is posted, and to which route below the base URL. */
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

/** The request that reads the answer's log-probabilities, or samples one answer where samples are counted. */
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

async function send({ client }: Endpoint, { route, body }: Request, question: Question): Promise<Choice | Unanswered> {
  const { max_tokens: tokensOut } = body as Sampling
  const reply = await client.post(route, body, question.text.length + question.ending.length, tokensOut)
  if (isUnanswered(reply)) return reply
  const parsed = replySchema.safeParse(reply.body)
  const [issue] = parsed.error?.issues ?? []
  if (!parsed.success) return { failed: `the answer is not a completion: ${issue?.path.join('.')} ${issue?.message}` }
  return parsed.data.choices[0]!
}

const textOf = ({ text, message }: Choice) => text ?? message?.content ?? ''

/** OpenAI's own servers refuse unknown fields. */
const topK = ({ dialect }: EndpointSettings, k: number) => (dialect !== 'openai' && k > 0 ? { top_k: k } : {})

async function continuation(
  endpoint: Endpoint,
  question: Question,
  writing: WritingSettings,
): Promise<string | Unanswered> {
  const choice = await send(endpoint, writingRequest(endpoint.settings, question, writing), question)
  return isUnanswered(choice) ? choice : textOf(choice).trim()
}

// ---- Reading probabilities

async function readLogProbs(
  endpoint: Endpoint,
  question: Question,
  options: readonly string[],
): Promise<OptionAnswer | Unanswered> {
  const choice = await send(endpoint, askingRequest(endpoint.settings, question), question)
  if (isUnanswered(choice)) return choice
  const returned = returnedLogProbs(choice)
  if (!returned) {
    throw new EndpointRefused(
      `${endpoint.role}: the endpoint returned no log-probabilities (model ${endpoint.settings.model}); ` +
        'use a server that returns them, such as vLLM or llama.cpp, ' +
        `or set ${endpoint.role}.countedAnswers to count sampled answers instead`,
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

/** Shares of sampled answers; those that are none of the options are left out. */
async function countAnswers(
  endpoint: Endpoint,
  question: Question,
  options: readonly string[],
): Promise<OptionAnswer | Unanswered> {
  const samples = endpoint.settings.countedAnswers!
  const counts = options.map(() => 0)
  for (let sample = 0; sample < samples; sample++) {
    const choice = await send(endpoint, askingRequest(endpoint.settings, question, sample), question)
    if (isUnanswered(choice)) return choice
    const word = /^\W*(\d+|\w+)/.exec(textOf(choice))?.[1]
    const at = options.indexOf(word ?? '')
    if (at >= 0) counts[at]!++
  }
  const total = counts.reduce((a, b) => a + b, 0)
  if (total === 0) return { failed: `none of ${samples} sampled answers is one of ${options.join(', ')}` }
  return { logProbs: counts.map((count) => Math.log(count / total)), counted: samples }
}
