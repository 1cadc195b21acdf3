// Any OpenAI-compatible endpoint as labeler, by the chat or the completion route. Probabilities are read from the
// log-probabilities of the answer's first token; without log-probabilities, sampled answers are counted.
import type { EndpointSettings } from '../contracts/labeler-settings'
import { noUsage, type Usage } from '../contracts/usage'
import { openClient, type EndpointClient } from './endpoint-client'
import { EndpointRefused, saysOutage } from './endpoint-errors'
import { askingRequest, writingRequest, type Request } from './endpoint-requests'
import { likeliestOf, rationaleFrom, returnedLogProbs } from './endpoint-reply'
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
import { choiceOf, MAX_QUOTED, type Choice } from './reply-choice'
import { formIdentity, formOf, type RequestForm } from './request-form'
import { largest, smallest } from '../extremes'

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
  const form = formOf(settings)
  const endpoint: Endpoint = { client, settings, form, role, hasLogProbs: false, without: [] }
  const answerAll = answeringPool(endpoint)
  return {
    name: served ? `${settings.model} of ${served.name}` : `${settings.model} at ${new URL(settings.baseUrl).host}`,
    identity: {
      baseUrl: settings.baseUrl,
      model: settings.model,
      route: settings.route,
      dialect: settings.dialect,
      countedAnswers: form.countedAnswers,
      ...formIdentity(settings),
      ...(served && { fingerprint: served.fingerprint }),
    },
    usage: client.usage,
    ...(form.countedAnswers && { beginnings: () => [] }),
    async ask(questions, options, onAnswer) {
      const answer = form.countedAnswers ? countAnswers : readLogProbs
      const ask = (question: Question, bill: Usage) => answer(endpoint, { question, bill }, options)
      const answers = await answerAll(questions, ask, onAnswer)
      if (endpoint.without.length > 0 && !endpoint.hasLogProbs) throw noLogProbs(endpoint)
      return answers
    },
    write: (questions, writing, onAnswer) =>
      answerAll(questions, (question, bill) => continuation(endpoint, { question, bill }, writing), onAnswer),
  }
}

interface Endpoint {
  client: EndpointClient
  settings: EndpointSettings
  form: RequestForm
  role: LabelerRole
  /** Whether any reply had log-probabilities: then one without them fails alone. */
  hasLogProbs: boolean
  /** What came without them, while none had them. */
  without: string[]
}

type AnswerAll = <T>(
  questions: readonly Question[],
  answer: (question: Question, bill: Usage) => Promise<T | Unanswered>,
  onAnswer?: OnAnswer<T>,
) => Promise<(T | Unanswered)[]>

/**
 * Answers all questions, `concurrency` of them at a time. The very first go alone, until one is answered: an endpoint
 * that is not there, or takes no question as it is asked, should not be asked a thousand times.
 */
function answeringPool({ client, settings, role }: Endpoint): AnswerAll {
  let isFirst = true
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
    while (!client.hasReplied() && next < questions.length) {
      const answered = await answerNext()
      if (isFirst && isUnanswered(answered) && isSilent(answered, client))
        throw new Error(
          `${role}: the endpoint does not answer: ${answered.failed}; is it up, and is ${role}.baseUrl right?`,
        )
      isFirst = false
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
  !tooLong && !hasReplied() && saysOutage(failed)

// ---- Sending and writing

/** A question, and the bill that its requests go to. */
interface Asked {
  question: Question
  bill: Usage
}

async function send(
  { client }: Endpoint,
  { route, body, tokensOut }: Request,
  { question, bill }: Asked,
): Promise<Choice | Unanswered> {
  const bytesIn = Buffer.byteLength(question.text) + Buffer.byteLength(question.ending)
  const reply = await client.post(route, body, { bytesIn, tokensOut, bill })
  if (isUnanswered(reply)) return reply
  return choiceOf(reply.body)
}

async function continuation(endpoint: Endpoint, asked: Asked, writing: WritingSettings): Promise<Written | Unanswered> {
  const choice = await send(endpoint, writingRequest(endpoint.settings, asked.question, writing), asked)
  const reading = { role: endpoint.role, thinking: endpoint.form.thinking }
  return isUnanswered(choice) ? choice : rationaleFrom(choice, writing, reading)
}

// ---- Reading probabilities

async function readLogProbs(
  endpoint: Endpoint,
  asked: Asked,
  options: readonly string[],
): Promise<OptionAnswer | Unanswered> {
  const choice = await send(endpoint, askingRequest(endpoint.settings, asked.question, options), asked)
  if (isUnanswered(choice)) return choice
  if (isThoughtAlone(choice)) return { failed: thoughtAlone(choice, endpoint.role) }
  const returned = returnedLogProbs(choice)
  if (isUnanswered(returned)) return returned
  if (!returned) return withoutLogProbs(endpoint, choice)
  endpoint.hasLogProbs = true
  const logProbs = options.map((option) =>
    logSumExp([...returned].filter(([token]) => token.trim() === option).map(([, logProb]) => logProb)),
  )
  const answer = { logProbs, floor: floorOf(returned) }
  return saysSomething(answer) ? answer : { ...answer, likeliest: likeliestOf(returned) }
}

/** Replies without log-probabilities before any with them, after which there will be none. */
const FIRST_FEW = 5

/** A reply without log-probabilities fails its question, unless no reply has them. */
function withoutLogProbs(endpoint: Endpoint, { quoted }: Choice): Unanswered {
  if (!endpoint.hasLogProbs && endpoint.without.push(quoted) >= FIRST_FEW) throw noLogProbs(endpoint)
  return { failed: `the endpoint returned no log-probabilities for this question: ${quoted}` }
}

const noLogProbs = ({ role, settings, without }: Endpoint) =>
  new EndpointRefused(
    `${role}: the endpoint returned no log-probabilities (model ${settings.model}); use a server that returns them, ` +
      `such as vLLM or llama.cpp, or set ${role}.countedAnswers to count sampled answers instead; ` +
      `it sent ${without.at(-1)}`,
  )

/** The most that a token has which was not returned: the least returned or, beside a single one, what that leaves. */
function floorOf(returned: ReadonlyMap<string, number>): number {
  const least = smallest(returned.values())
  return returned.size > 1 ? least : Math.min(least, Math.log(Math.max(0, 1 - Math.exp(least))))
}

/** Whether the one token that was asked for belongs to what the model thinks: it is no answer. */
const isThoughtAlone = ({ text, thought }: Choice): boolean => thought !== '' && (text ?? '').trim() === ''

const thoughtAlone = ({ quoted }: Choice, role: LabelerRole): string =>
  `the model thinks before it answers, so its first token is no answer: ${quoted}; set ${role}.thinking to "off", or ` +
  `${role}.countedAnswers and ${role}.thinkingTokens`

/** What an answer may begin with, of any script or after words of another: "7/10" is 7. */
const FIRST_WORDS = [/^[^\p{L}\p{N}_]*(\d+|[\p{L}\p{M}\p{N}_]+)/u, /^\W*(\d+|\w+)/]

/** Index of the option that an answer begins with as a whole word or number; -1 if it is none. */
const optionIn = (text: string, options: readonly string[]): number =>
  largest(FIRST_WORDS.map((pattern) => options.indexOf(pattern.exec(text)?.[1] ?? '')))

const noteOther = (others: Map<string, number>, text: string) => others.set(text, (others.get(text) ?? 0) + 1)

/** Shares of sampled answers; those that are none of the options are left out. */
async function countAnswers(
  endpoint: Endpoint,
  asked: Asked,
  options: readonly string[],
): Promise<OptionAnswer | Unanswered> {
  const samples = endpoint.form.countedAnswers!
  const counts = options.map(() => 0)
  const others = new Map<string, number>()
  for (let sample = 0; sample < samples; sample++) {
    const choice = await send(endpoint, askingRequest(endpoint.settings, asked.question, options, sample), asked)
    if (isUnanswered(choice)) return choice
    if (choice.text === undefined) return { failed: `the answer has no text that can be read: ${choice.quoted}` }
    if (choice.thought !== '' && endpoint.form.thinking === 'refuse')
      return {
        failed: `the model thought before it answered, which ${endpoint.role}.thinking refuses: ${choice.quoted}`,
      }
    const at = optionIn(choice.text, options)
    if (at >= 0) counts[at]!++
    else noteOther(others, choice.text.trim() || choice.sent.trim() || choice.thought || choice.quoted)
  }
  const total = counts.reduce((a, b) => a + b, 0)
  if (total === 0) {
    const [likeliest, times] = [...others].sort(([, a], [, b]) => b - a)[0]!
    const shown = `${JSON.stringify(likeliest.slice(0, MAX_QUOTED))} (${times} of ${samples})`
    return { failed: `none of ${samples} sampled answers is one of ${options.join(', ')}; the likeliest is ${shown}` }
  }
  return { logProbs: counts.map((count) => Math.log(count / total)), counted: samples }
}
