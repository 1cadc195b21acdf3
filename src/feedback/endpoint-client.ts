// Requests to an OpenAI-compatible endpoint that spare it and the budget: limits on concurrency and rate, growing
// pauses with jitter, Retry-After, a stop when the endpoint is down, a stop before the budget is exceeded. The key
// comes from the environment and is sent nowhere else.
import { context, propagation, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api'
import type { EndpointSettings } from '../contracts/labeler-settings'
import { noUsage, type Usage } from '../contracts/usage'
import { redact, redactAll } from '../secrets'
import type { Reach } from './address-rules'
import { checkAllowance } from './endpoint-allowance'
import { openBudget, type Budget, type Tokens } from './endpoint-budget'
import { EndpointDown, EndpointRefused } from './endpoint-errors'
import { errorText, shownLocation } from './error-text'
import { isUnanswered, type LabelerRole, type Unanswered } from './labeler'
import { post, type Reply } from './post'
import { parseReply } from './reply-json'
import { backoff, concurrencyLimiter, pause, rateLimiter } from './throttle'
import { openWaitNotice, type WaitNotice } from './wait-notice'

/** A server may ask for longer pauses than the client would choose. */
const LONGEST_RETRY_AFTER_MS = 10 * 60_000
const MAX_BODY_BYTES = 16 * 1024 * 1024
/** For estimates before a request; the endpoint's own count is used after it. */
const BYTES_PER_TOKEN = 3

export interface EndpointClient {
  /** What the requests of this client have taken. */
  usage: Usage
  /** Whether any request was answered. */
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

type Send = (posting: Posting) => Promise<Answered | Unanswered | Retryable>

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
  const reach = servedAt === undefined ? checkAllowance(address, settings.apiKeyEnv) : 'this machine'
  const key = servedAt === undefined ? keyOf(settings, role) : undefined
  const budget = openBudget(settings, role, spentBefore)
  const notice = openWaitNotice(onWait)
  const sendWithRetries = retrying(settings, role, { send: sender(settings, { role, key, budget, reach }), notice })
  const inTurn = concurrencyLimiter(settings.concurrency)
  let hasReplied = false
  return {
    usage: budget.usage,
    hasReplied: () => hasReplied,
    async post(route, body, { bytesIn, tokensOut, bill = noUsage() }) {
      const tokens = { in: Math.ceil(bytesIn / BYTES_PER_TOKEN), out: tokensOut }
      const release = budget.reserve(tokens)
      try {
        const url = `${address.replace(/(?<!\/)\/+$/, '')}/${route}`
        const reply = await notice.during(() => inTurn(() => sendWithRetries({ url, body, tokens, bill })))
        hasReplied ||= !isUnanswered(reply)
        return reply
      } finally {
        release()
      }
    },
  }
}

/** Node's message about a header with other characters would quote it. */
const HEADER_TEXT = /^[\x21-\x7e]+$/

function keyOf({ apiKeyEnv }: EndpointSettings, role: LabelerRole): string | undefined {
  if (!apiKeyEnv) return undefined
  const key = process.env[apiKeyEnv]
  if (!key)
    throw new EndpointRefused(
      `${role}: field "${role}.apiKeyEnv" names ${apiKeyEnv}, which is not set where this worker runs; ` +
        'set it and restart the worker',
    )
  if (!HEADER_TEXT.test(key))
    throw new EndpointRefused(
      `${role}: the value of ${apiKeyEnv}, which field "${role}.apiKeyEnv" names, has white space, line breaks or ` +
        'letters beyond ASCII, which no key has; set it to the key alone and restart the worker',
    )
  return key
}

// ---- Retries

/** Sends a request until it is answered, within the rate limits; a question whose tries are used up fails. */
function retrying(
  settings: EndpointSettings,
  role: LabelerRole,
  { send, notice }: { send: Send; notice: WaitNotice },
): (posting: Posting) => Promise<Answered | Unanswered> {
  const requestRate = rateLimiter(settings.requestsPerMinute)
  const tokenRate = rateLimiter(settings.tokensPerMinute)
  const tries = settings.retries + 1
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
        return outcome
      }
      lastError = outcome.error
      notice.because(reasonOf(outcome))
      if (outcome.retryAfter !== undefined)
        pausedUntil = Math.max(pausedUntil, Date.now() + outcome.retryAfter) // all requests pause, not this one alone
      else if (attempt < settings.retries) await pause(backoff(attempt))
    }
    failuresInARow++
    if (failuresInARow >= settings.stopAfterFailures)
      throw new EndpointDown(
        `${role}: ${failuresInARow} requests in a row failed after ${tries} tries each, the last with: ${lastError}; ` +
          'answers so far are kept, the stage resumes from them',
      )
    return { failed: `${posting.url}: ${lastError}, after ${tries} tries` }
  }
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
  key: string | undefined
  budget: Budget
  reach: Reach
}

/** Sends one request and interprets the status of the response. */
function sender(settings: EndpointSettings, { role, key, budget, reach }: Sender): Send {
  const timeoutMs = settings.timeoutSeconds * 1000
  return async ({ url, body, tokens, bill }) => {
    budget.countRequest(bill)
    const response = await traced(url, settings.model, (traceHeaders) => {
      const headers = {
        'content-type': 'application/json',
        ...traceHeaders,
        ...(key && { authorization: `Bearer ${key}` }),
      }
      return post(url, { headers, body: JSON.stringify(body), reach, timeoutMs })
    })
    if (isRedirect(response)) throw redirected(url, response, role)
    const text = await response.text(MAX_BODY_BYTES)
    if (isOk(response)) {
      const reply = parseReply(text)
      budget.record(reply, tokens, bill)
      if (reply === undefined) throw new Error(`the reply is not JSON: ${errorText(text).slice(0, 100)}`)
      return { body: redactAll(reply) }
    }
    return failed(response, text, { url, role, model: settings.model })
  }
}

const isOk = ({ status }: Reply) => status >= 200 && status < 300
const isRedirect = ({ status }: Reply) => status >= 300 && status < 400

/** What becomes of a request that was answered by an error. */
function failed(
  { status, header }: Reply,
  text: string,
  { url, role, model }: { url: string; role: LabelerRole; model: string },
): Unanswered | Retryable {
  const error = `HTTP ${status} ${errorText(text)}`.trim()
  if ([401, 403, 404].includes(status))
    throw new EndpointRefused(
      `${role}: ${url} answered ${error}; check ${role}.baseUrl, ${role}.model ("${model}") and ${role}.apiKeyEnv`,
    )
  if (status < 500 && status !== 408 && status !== 429)
    return { failed: error, ...(saysTooLong(text) && { tooLong: true as const }) }
  return { error, retryAfter: retryAfterMs(header('retry-after')) }
}

const TOO_LONG = /context[_ ](length|window|size)|maximum context|too (long|many tokens)/i

/** Whether an endpoint complains about a request that is longer than its model's context. */
export const saysTooLong = (text: string): boolean =>
  TOO_LONG.test(text) || text.split(/[\n\r\u2028\u2029]/).some(exceedsContext)

function exceedsContext(line: string): boolean {
  const at = line.search(/exceeds? /i)
  return at >= 0 && /context|tokens/i.test(line.slice(at))
}

/** An endpoint must not lead the key, or the request, to where it is not allowed. */
function redirected(url: string, response: Reply, role: LabelerRole): EndpointRefused {
  response.discard()
  const location = shownLocation(response.header('location'))
  return new EndpointRefused(
    `${role}: ${url} answered with a redirect to ${location}; set ${role}.baseUrl to where it leads`,
  )
}

/** Retry-After in milliseconds, given in seconds or as a date. */
function retryAfterMs(header: string | undefined): number | undefined {
  if (header === undefined) return undefined
  const ms = /^\d+$/.test(header) ? Number(header) * 1000 : Date.parse(header) - Date.now()
  return Number.isFinite(ms) ? Math.min(Math.max(0, ms), LONGEST_RETRY_AFTER_MS) : undefined
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
