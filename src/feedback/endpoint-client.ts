// Requests to an OpenAI-compatible endpoint that spare it and the budget: limits on concurrency and rate, growing
// pauses with jitter, Retry-After, a stop when the endpoint is down, a stop before the budget is exceeded. The key
// comes from the environment and is sent nowhere else.
import { context, propagation, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api'
import { isDeeper, MOST_LEVELS } from '../contracts/readable'
import type { EndpointSettings } from '../contracts/labeler-settings'
import { noUsage, type Usage } from '../contracts/usage'
import { redact, redactAll } from '../secrets'
import type { Reach } from './address-rules'
import { routeUrl } from './endpoint-address'
import { openBudget, type Budget, type Tokens } from './endpoint-budget'
import { afterTries, EndpointDown, EndpointRefused } from './endpoint-errors'
import { headersOf, reachOf } from './endpoint-headers'
import { errorInReply } from './error-in-reply'
import { meaningOf } from './error-meaning'
import { errorText, errorWords, shownLocation, type ErrorWords } from './error-text'
import { isUnanswered, type LabelerRole, type Unanswered } from './labeler'
import { post, type Reply } from './post'
import { countRefusals, type RefusalCount } from './refusal-count'
import { parseReply } from './reply-json'
import { waitAsked } from './retry-after'
import { remedyFor, remedyText } from './setting-remedy'
import { backoff, concurrencyLimiter, pause, rateLimiter } from './throttle'
import { openWaitNotice, type WaitNotice } from './wait-notice'
import { counted } from '../number-format'

const MAX_BODY_BYTES = 16 * 1024 * 1024
/** Characters of an error that are looked through for a time to wait. */
const MOST_WORDS = 64 * 1024
/** For estimates before a request; the endpoint's own count is used after it. */
const BYTES_PER_TOKEN = 3

export interface EndpointClient {
  /** What the requests of this client have taken. */
  usage: Usage
  /** Whether the endpoint works: a request was answered, or refused for what its question is. */
  hasReplied(): boolean
  post(route: string, body: object, expected: Expected): Promise<Answered | Unanswered>
}

/** What a request is expected to take at most, and where to note what it took. */
interface Expected {
  /** Length of the prompt in UTF-8. */
  bytesIn: number
  tokensOut: number
  /** Receives what the request took, whatever its outcome. */
  bill?: Usage
}

interface Answered {
  body: unknown
}

/** A try that failed and may succeed when repeated. */
interface Retryable {
  error: string
  /** What the server asked for, in milliseconds. */
  retryAfter?: number | undefined
}

/** A request to send, with what it may take and the bill that it goes to. */
interface Posting {
  url: string
  body: object
  tokens: Tokens
  bill: Usage
}

/** A request that was refused, for what it is or for who sent it. */
interface Refused {
  refused: string
  /** Key or payment: it meets every question. */
  isAccount: boolean
  /** What to set or check. */
  remedy: string
}

type Outcome = Answered | Unanswered | Retryable | Refused
type Send = (posting: Posting) => Promise<Outcome>

interface ClientOptions {
  /** The setting that configures the endpoint; messages name its fields. Default: labeler. */
  role?: LabelerRole | undefined
  /** Address of an endpoint that this process serves itself: nothing is checked there and no key is sent. */
  servedAt?: string | undefined
  /** What earlier attempts of the same work have cost; counts towards `maxCost`. */
  spentBefore?: (() => number) | undefined
  /** Called every ten seconds in which no answer came, with the reason. */
  onWait?: ((reason: string) => void) | undefined
}

export function openClient(
  settings: EndpointSettings,
  { role = 'labeler', servedAt, spentBefore, onWait = () => {} }: ClientOptions = {},
): EndpointClient {
  const address = servedAt ?? settings.baseUrl
  const reach = servedAt === undefined ? reachOf(settings) : 'this machine'
  const headers = servedAt === undefined ? headersOf(settings, role) : {}
  const budget = openBudget(settings, role, spentBefore)
  const notice = openWaitNotice(onWait)
  let hasReplied = false
  const sendWithRetries = retrying(settings, role, {
    send: sender(settings, { role, headers, budget, reach }),
    notice,
    onReply: () => void (hasReplied = true),
  })
  const inTurn = concurrencyLimiter(settings.concurrency)
  return {
    usage: budget.usage,
    hasReplied: () => hasReplied,
    async post(route, body, { bytesIn, tokensOut, bill = noUsage() }) {
      const tokens = { in: Math.ceil(bytesIn / BYTES_PER_TOKEN), out: tokensOut }
      const release = budget.reserve(tokens)
      try {
        const url = routeUrl(address, route)
        return await notice.during(() => inTurn(() => sendWithRetries({ url, body, tokens, bill })))
      } finally {
        release()
      }
    },
  }
}

// ---- Retries

/** Sends a request until it is answered, within the rate limits; a question whose tries are used up fails. */
function retrying(
  settings: EndpointSettings,
  role: LabelerRole,
  { send, notice, onReply }: { send: Send; notice: WaitNotice; onReply: () => void },
): (posting: Posting) => Promise<Answered | Unanswered> {
  const requestRate = rateLimiter(settings.requestsPerMinute)
  const tokenRate = rateLimiter(settings.tokensPerMinute)
  const tries = settings.retries + 1
  const refusals = countRefusals(settings.stopAfterFailures)
  let pausedUntil = 0
  let failuresInARow = 0
  return async (posting) => {
    let lastError = ''
    for (let attempt = 0; attempt < tries; attempt++) {
      await requestRate(1)
      await tokenRate(posting.tokens.in + posting.tokens.out)
      await pause(pausedUntil - Date.now())
      const outcome = await send(posting).catch(asRetryable)
      if (!('error' in outcome)) {
        failuresInARow = 0
        notice.answered()
        if ('refused' in outcome) return refusedQuestion(outcome, refusals, role)
        onReply()
        if (!isUnanswered(outcome)) refusals.answered()
        return outcome
      }
      lastError = outcome.error
      notice.because(reasonOf(outcome))
      pausedUntil = Math.max(pausedUntil, Date.now() + (outcome.retryAfter ?? 0)) // all requests pause, not this one alone
      if (attempt < settings.retries) await pause(backoff(attempt))
    }
    failuresInARow++
    if (failuresInARow >= settings.stopAfterFailures)
      throw new EndpointDown(
        `${role}: ${counted(failuresInARow, 'request')} in a row failed ${afterTries(tries)} each, ` +
          `the last with: ${lastError}; ` +
          'answers so far are kept, the stage resumes from them',
      )
    return { failed: `${posting.url}: ${lastError}, ${afterTries(tries)}` }
  }
}

/** A refusal fails its question alone, unless it meets nearly every question. */
function refusedQuestion(
  { refused, isAccount, remedy }: Refused,
  refusals: RefusalCount,
  role: LabelerRole,
): Unanswered {
  const times = refusals.refused(isAccount)
  if (times === undefined) return { failed: refused }
  const before = times > 1 ? `${times} questions were refused and nearly none answered, the last one: ` : ''
  throw new EndpointRefused(`${role}: ${before}${refused}; ${remedy}; answers so far are kept`)
}

const reasonOf = ({ error, retryAfter }: Retryable) =>
  retryAfter === undefined
    ? error
    : `asked to wait until ${new Date(Date.now() + retryAfter).toISOString().slice(11, 19)} UTC: ${error}`

/** Network errors, timeouts and malformed answers are retried. */
function asRetryable(error: unknown): Retryable {
  if (error instanceof EndpointRefused) throw error
  const { cause, message } = error as Error
  return { error: redact(`${message}${cause instanceof Error ? ` (${cause.message})` : ''}`) }
}

// ---- One try

interface Sender {
  role: LabelerRole
  headers: Readonly<Record<string, string>>
  budget: Budget
  reach: Reach
}

/** Sends one request and interprets the status of the response, or that of an error within a reply. */
function sender(settings: EndpointSettings, { role, headers, budget, reach }: Sender): Send {
  const timeoutMs = settings.timeoutSeconds * 1000
  return async ({ url, body, tokens, bill }) => {
    budget.countRequest(bill)
    const response = await traced(url, settings.model, (traceHeaders) =>
      post(url, {
        headers: { 'content-type': 'application/json', ...traceHeaders, ...headers },
        body: JSON.stringify(body),
        reach,
        timeoutMs,
      }),
    )
    if (isRedirect(response)) throw redirected(url, response, role)
    const text = await response.text(MAX_BODY_BYTES)
    const failed = (status: number, words: ErrorWords) =>
      outcomeOf(
        { status, words, retryAfter: waitAsked(response.header, text.slice(0, MOST_WORDS)) },
        { url, role, settings },
      )
    if (!isOk(response)) return failed(response.status, errorWords(text))
    const reply = readReply(text)
    const error = errorInReply(reply)
    if (error)
      return failed(error.status, { ...error.words, text: `(within a reply of status 200) ${error.words.text}` })
    budget.record(reply, tokens, bill)
    return { body: redactAll(reply) }
  }
}

function readReply(text: string): unknown {
  const reply = parseReply(text)
  if (reply === undefined) throw new Error(`the reply is not JSON: ${JSON.stringify(errorText(text).slice(0, 100))}`)
  if (isDeeper(reply, MOST_LEVELS))
    throw new Error(`the reply is nested too deep: ${redact(text.slice(0, 1000)).slice(0, 60)}`)
  return reply
}

const isOk = ({ status }: Reply) => status >= 200 && status < 300
const isRedirect = ({ status }: Reply) => status >= 300 && status < 400

interface Failed {
  status: number
  words: ErrorWords
  retryAfter: number | undefined
}

/** What becomes of a request that was answered by an error. */
function outcomeOf(
  { status, words, retryAfter }: Failed,
  { url, role, settings }: { url: string; role: LabelerRole; settings: EndpointSettings },
): Unanswered | Retryable | Refused {
  const error = `HTTP ${status} ${words.text}`.trim()
  const meaning = meaningOf(status, words)
  if (meaning === 'again') return { error, retryAfter }
  if (meaning === 'prompt') return { failed: error, tooLong: true }
  if (meaning === 'filter') return { failed: error }
  if (meaning === 'account' && status !== 401)
    return { refused: `${url} answered ${error}`, isAccount: true, remedy: NO_CREDIT_LEFT }
  const isPlaced = [401, 403, 404].includes(status)
  return {
    refused: isPlaced ? `${url} answered ${error}` : error,
    isAccount: meaning === 'account',
    remedy: meaning === 'answer' ? longAnswer(role) : refusalRemedy(isPlaced, words, role, settings),
  }
}

const NO_CREDIT_LEFT = 'no credit is left at the endpoint: pay there, or name another, and run the stage again'
const longAnswer = (role: LabelerRole) =>
  `the answer may be longer than the endpoint allows: lower ${role}.rationaleTokens or ${role}.thinkingTokens`

/** @param isPlaced whether the refusal is about key, address or model, not about the request */
function refusalRemedy(
  isPlaced: boolean,
  { text, codes }: ErrorWords,
  role: LabelerRole,
  settings: EndpointSettings,
): string {
  const remedy = isPlaced ? undefined : remedyFor(`${codes} ${text}`, settings)
  if (remedy) return remedyText(remedy, role)
  const form = isPlaced ? '' : `, ${role}.dialect and ${role}.request`
  return (
    `check ${role}.baseUrl, ${role}.model ("${settings.model}") and ${role}.apiKeyEnv${form}; ` +
    '`rlaif labeler check` tries settings'
  )
}

/** An endpoint must not lead the key, or the request, to where it is not allowed. */
function redirected(url: string, response: Reply, role: LabelerRole): EndpointRefused {
  response.discard()
  const location = shownLocation(response.header('location'))
  return new EndpointRefused(
    `${role}: ${url} answered with a redirect to ${location}; set ${role}.baseUrl to where it leads`,
  )
}

/**
 * Sends a request within a span, if tracing is on (workers/tracing.ts).
 * @param request receives the headers that link the endpoint's own spans to this one
 */
function traced(
  url: string,
  model: string,
  request: (headers: Record<string, string>) => Promise<Reply>,
): Promise<Reply> {
  const { host, pathname } = new URL(url)
  const attributes = {
    'server.address': host,
    'http.request.method': 'POST',
    'url.path': pathname,
    'gen_ai.request.model': model,
  }
  return trace
    .getTracer('rlaif')
    .startActiveSpan(`POST ${pathname}`, { kind: SpanKind.CLIENT, attributes }, async (span) => {
      try {
        const headers: Record<string, string> = {}
        propagation.inject(context.active(), headers)
        const response = await request(headers)
        span.setAttribute('http.response.status_code', response.status)
        if (!isOk(response)) span.setStatus({ code: SpanStatusCode.ERROR })
        return response
      } catch (error) {
        span.setStatus({ code: SpanStatusCode.ERROR, message: (error as Error).name })
        throw error
      } finally {
        span.end()
      }
    })
}
