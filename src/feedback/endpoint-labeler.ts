// Any OpenAI-compatible endpoint as labeler, by the chat or the completion route. Probabilities are read from the
// log-probabilities of the answer's first token; without log-probabilities, sampled answers are counted.
import type { EndpointSettings } from '../contracts/labeler-settings'
import { noUsage, type Usage } from '../contracts/usage'
import { openClient, type EndpointClient } from './endpoint-client'
import { EndpointRefused } from './endpoint-errors'
import {
  choiceOf,
  likeliestOf,
  MAX_QUOTED,
  rationaleFrom,
  returnedLogProbs,
  textOf,
  type Choice,
} from './endpoint-reply'
import {
  isUnanswered,
  logSumExp,
  saysSomething,
  type Labeler,
  type LabelerRole,
  type OnAnswer,
  type OptionAnswer,
  type Question,
  type Unanswered,
  type WritingSettings,
  type Written,
} from './labeler'
import { largest, smallest } from '../extremes'

/** The most log-probabilities that common servers return for one position. */
const TOP_LOGPROBS = 20
/** Tokens of a sampled answer that is one character or two, with room for a space before it. */
const COUNTED_TOKENS = 3

export interface EndpointLabeler extends Labeler {
  usage: Usage
}

/** An endpoint that this process serves itself, under a name in place of an address. */
export interface ServedEndpoint {
  /** The value of the setting `baseUrl` that selects it. */
  baseUrl: string
  /** Shown in reports. */
  name: string
  /** Changes with what it answers. */
  fingerprint(): string
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
  { spentBefore, onWait }: Pick<EndpointLabelerOptions, 'spentBefore' | 'onWait'> = {},
): Promise<EndpointLabeler> {
  const endpoint = served.find(({ baseUrl }) => baseUrl === settings.baseUrl)
  return endpointLabeler(settings, {
    role,
    spentBefore,
    onWait,
    served: endpoint && { ...endpoint, fingerprint: endpoint.fingerprint(), address: await endpoint.open() },
  })
}

export interface EndpointLabelerOptions {
  /** The setting that configures the endpoint; messages name its fields. Default: labeler. */
  role?: LabelerRole | undefined
  /** Where the endpoint is, if this process serves it itself. */
  served?: { name: string; fingerprint: string; address: string } | undefined
  /** What earlier attempts of the same work have cost; counts towards `maxCost`. */
  spentBefore?: (() => number) | undefined
  /** Called every ten seconds in which no answer came, with the reason. */
  onWait?: ((reason: string) => void) | undefined
}

export function endpointLabeler(
  settings: EndpointSettings,
  { role = 'labeler', served, spentBefore, onWait }: EndpointLabelerOptions = {},
): EndpointLabeler {
  const client = openClient(settings, { role, servedAt: served?.address, spentBefore, onWait })
  const endpoint: Endpoint = { client, settings, role, hasLogProbs: false }
  const answerAll = answeringPool(endpoint)
  return {
    name: served ? `${settings.model} of ${served.name}` : `${settings.model} at ${new URL(settings.baseUrl).host}`,
    identity: {
      baseUrl: settings.baseUrl,
      model: settings.model,
      route: settings.route,
      dialect: settings.dialect,
      countedAnswers: settings.countedAnswers,
      ...(served && { fingerprint: served.fingerprint }),
    },
    usage: client.usage,
    ...(settings.countedAnswers && { beginnings: () => [] }),
    ask: (questions, options, onAnswer) => {
      const answer = settings.countedAnswers ? countAnswers : readLogProbs
      return answerAll(questions, (question, bill) => answer(endpoint, { question, bill }, options), onAnswer)
    },
    write: (questions, writing, onAnswer) =>
      answerAll(questions, (question, bill) => continuation(endpoint, { question, bill }, writing), onAnswer),
  }
}

interface Endpoint {
  client: EndpointClient
  settings: EndpointSettings
  role: LabelerRole
  /** Whether any reply had log-probabilities: then one without them fails alone. */
  hasLogProbs: boolean
}

type AnswerAll = <T>(
  questions: readonly Question[],
  answer: (question: Question, bill: Usage) => Promise<T | Unanswered>,
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
      const bill = noUsage()
      const answered = await answer(questions[i]!, bill).catch((error: Error) => {
        onAnswer?.(i, { failed: error.message }, bill)
        throw error
      })
      answers[i] = answered
      onAnswer?.(i, answered, bill)
      return answered
    }
    if (!hasAnswered && questions.length > 0) {
      const first = await answerNext()
      if (isUnanswered(first) && isSilent(first, client))
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

/** Whether nothing ever came back: all tries were used up. */
const isSilent = ({ failed, tooLong }: Unanswered, { hasReplied }: EndpointClient) =>
  !tooLong && !hasReplied() && / tries$/.test(failed)

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
  if (settings.countedAnswers)
    return requestOf(settings, question, {
      max_tokens: Math.max(COUNTED_TOKENS, longest + 1),
      temperature: 1,
      seed: sample,
    })
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

/** A question, and the bill that its requests go to. */
interface Asked {
  question: Question
  bill: Usage
}

async function send(
  { client }: Endpoint,
  { route, body }: Request,
  { question, bill }: Asked,
): Promise<Choice | Unanswered> {
  const { max_tokens: tokensOut } = body as Sampling
  const bytesIn = Buffer.byteLength(question.text) + Buffer.byteLength(question.ending)
  const reply = await client.post(route, body, { bytesIn, tokensOut, bill })
  if (isUnanswered(reply)) return reply
  return choiceOf(reply.body)
}

/** OpenAI's own servers refuse unknown fields. */
const topK = ({ dialect }: EndpointSettings, k: number) => (dialect !== 'openai' && k > 0 ? { top_k: k } : {})

async function continuation(endpoint: Endpoint, asked: Asked, writing: WritingSettings): Promise<Written | Unanswered> {
  const choice = await send(endpoint, writingRequest(endpoint.settings, asked.question, writing), asked)
  return isUnanswered(choice) ? choice : rationaleFrom(choice, writing, endpoint.role)
}

// ---- Reading probabilities

async function readLogProbs(
  endpoint: Endpoint,
  asked: Asked,
  options: readonly string[],
): Promise<OptionAnswer | Unanswered> {
  const choice = await send(endpoint, askingRequest(endpoint.settings, asked.question, options), asked)
  if (isUnanswered(choice)) return choice
  const returned = returnedLogProbs(choice)
  if (!returned && endpoint.hasLogProbs)
    return { failed: 'the endpoint returned no log-probabilities for this question' }
  if (!returned) {
    throw new EndpointRefused(
      `${endpoint.role}: the endpoint returned no log-probabilities (model ${endpoint.settings.model}); ` +
        'use a server that returns them, such as vLLM or llama.cpp, ' +
        `or set ${endpoint.role}.countedAnswers to count sampled answers instead`,
    )
  }
  endpoint.hasLogProbs = true
  const logProbs = options.map((option) =>
    logSumExp([...returned].filter(([token]) => token.trim() === option).map(([, logProb]) => logProb)),
  )
  const answer = { logProbs, floor: smallest(returned.values()) }
  return saysSomething(answer) ? answer : { ...answer, likeliest: likeliestOf(returned) }
}

/** What an answer may begin with, of any script or after words of another: "7/10" is 7. */
const FIRST_WORDS = [/^[^\p{L}\p{N}_]*(\d+|[\p{L}\p{M}\p{N}_]+)/u, /^\W*(\d+|\w+)/]

/** Index of the option that an answer begins with as a whole word or number; -1 if it is none. */
const optionIn = (text: string, options: readonly string[]): number =>
  largest(FIRST_WORDS.map((pattern) => options.indexOf(pattern.exec(text)?.[1] ?? '')))

/** Shares of sampled answers; those that are none of the options are left out. */
async function countAnswers(
  endpoint: Endpoint,
  asked: Asked,
  options: readonly string[],
): Promise<OptionAnswer | Unanswered> {
  const samples = endpoint.settings.countedAnswers!
  const counts = options.map(() => 0)
  const others = new Map<string, number>()
  for (let sample = 0; sample < samples; sample++) {
    const choice = await send(endpoint, askingRequest(endpoint.settings, asked.question, options, sample), asked)
    if (isUnanswered(choice)) return choice
    const at = optionIn(textOf(choice), options)
    if (at >= 0) counts[at]!++
    else others.set(textOf(choice), (others.get(textOf(choice)) ?? 0) + 1)
  }
  const total = counts.reduce((a, b) => a + b, 0)
  if (total === 0) {
    const [likeliest, times] = [...others].sort(([, a], [, b]) => b - a)[0]!
    const shown = `${JSON.stringify(likeliest.slice(0, MAX_QUOTED))} (${times} of ${samples})`
    return { failed: `none of ${samples} sampled answers is one of ${options.join(', ')}; the likeliest is ${shown}` }
  }
  return { logProbs: counts.map((count) => Math.log(count / total)), counted: samples }
}
