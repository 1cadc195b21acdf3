// Requests to an OpenAI-compatible endpoint that spare it and the budget: limits on concurrency and rate, growing
// pauses with jitter, Retry-After, a stop when the endpoint is down, a stop before the budget is exceeded. The key
// comes from the environment and is sent nowhere else.
import { context, propagation, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api'
import type { EndpointSettings } from '../contracts/labeler-settings'
import { noUsage, type Usage } from '../contracts/usage'
import { checkAddress, checkAllowance } from './endpoint-allowance'
import { openBudget, type Budget, type Tokens } from './endpoint-budget'
import { EndpointDown, EndpointRefused } from './endpoint-errors'
import { isUnanswered, type LabelerRole, type Unanswered } from './labeler'
import { parseReply } from './reply-json'
import { backoff, concurrencyLimiter, pause, rateLimiter } from './throttle'

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
}

export function openClient(
  settings: EndpointSettings,
  { role = 'labeler', servedAt, spentBefore }: ClientOptions = {},
): EndpointClient {
  const address = servedAt ?? settings.baseUrl
  if (servedAt === undefined) checkAllowance(address, settings.apiKeyEnv)
  const key = servedAt === undefined ? keyOf(settings, role) : undefined
  const budget = openBudget(settings, role, spentBefore)
  const sendWithRetries = retrying(settings, role, sender(settings, { role, key, budget }))
  const inTurn = concurrencyLimiter(settings.concurrency)
  let hasReplied = false
  let addressCheck: Promise<void> | undefined
  return {
    usage: budget.usage,
    hasReplied: () => hasReplied,
    async post(route, body, { bytesIn, tokensOut, bill = noUsage() }) {
      const tokens = { in: Math.ceil(bytesIn / BYTES_PER_TOKEN), out: tokensOut }
      await (addressCheck ??= servedAt === undefined ? checkAddress(address) : Promise.resolve())
      const release = budget.reserve(tokens)
      try {
        const url = `${address.replace(/\/+$/, '')}/${route}`
        const reply = await inTurn(() => sendWithRetries({ url, body, tokens, bill }))
        hasReplied ||= !isUnanswered(reply)
        return reply
      } finally {
        release()
      }
    },
  }
}

function keyOf({ apiKeyEnv }: EndpointSettings, role: LabelerRole): string | undefined {
  if (!apiKeyEnv) return undefined
  const key = process.env[apiKeyEnv]
  if (!key)
    throw new EndpointRefused(
      `${role}: field "${role}.apiKeyEnv" names ${apiKeyEnv}, which is not set where this worker runs; ` +
        'set it and restart the worker',
    )
  return key
}

// ---- Retries

/** Sends a request until it is answered, within the rate limits; a question whose tries are used up fails. */
function retrying(
  settings: EndpointSettings,
  role: LabelerRole,
  send: Send,
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
        return outcome
      }
      lastError = outcome.error
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

/** Network errors, timeouts and malformed answers are retried. */
function asRetryable(error: unknown): Retryable {
  if (error instanceof EndpointRefused) throw error
  const { cause, message } = error as Error
  return { error: `${message}${cause instanceof Error ? ` (${cause.message})` : ''}` }
}

// ---- One try

/** Sends one request and interprets the status of the response. */
function sender(
  settings: EndpointSettings,
  { role, key, budget }: { role: LabelerRole; key: string | undefined; budget: Budget },
): Send {
  return async ({ url, body, tokens, bill }) => {
    budget.countRequest(bill)
    const response = await traced(url, settings.model, (headers) =>
      fetch(url, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...headers, ...(key && { authorization: `Bearer ${key}` }) },
        body: JSON.stringify(body),
        redirect: 'manual', // an endpoint must not lead the key, or the request, to where it is not allowed
        signal: AbortSignal.timeout(settings.timeoutSeconds * 1000),
      }),
    )
    if (response.status >= 300 && response.status < 400) throw redirected(url, response, role)
    const text = await boundedText(response)
    if (response.ok) {
      const reply = parseReply(text)
      budget.record(reply, tokens, bill)
      if (reply === undefined) throw new Error(`the reply is not JSON: ${withoutKey(text.slice(0, 100), key)}`)
      return { body: reply }
    }
    const error = withoutKey(`HTTP ${response.status} ${text.slice(0, 300)}`, key)
    if ([401, 403, 404].includes(response.status))
      throw new EndpointRefused(
        `${role}: ${url} answered ${error}; ` +
          `check ${role}.baseUrl, ${role}.model ("${settings.model}") and ${role}.apiKeyEnv`,
      )
    if (response.status < 500 && response.status !== 408 && response.status !== 429)
      return { failed: error, ...(TOO_LONG.test(text) && { tooLong: true as const }) }
    return { error, retryAfter: retryAfterMs(response.headers.get('retry-after')) }
  }
}

const TOO_LONG = /context[_ ](length|window|size)|maximum context|too (long|many tokens)|exceeds? .*(context|tokens)/i

const withoutKey = (text: string, key: string | undefined) => (key ? text.replaceAll(key, '***') : text)

function redirected(url: string, response: Response, role: LabelerRole): EndpointRefused {
  const location = String(response.headers.get('location')).slice(0, 200)
  return new EndpointRefused(
    `${role}: ${url} answered with a redirect to ${location}; set ${role}.baseUrl to where it leads`,
  )
}

/** Retry-After in milliseconds, given in seconds or as a date. */
function retryAfterMs(header: string | null): number | undefined {
  if (header === null) return undefined
  const ms = /^\d+$/.test(header) ? Number(header) * 1000 : Date.parse(header) - Date.now()
  return Number.isFinite(ms) ? Math.min(Math.max(0, ms), LONGEST_RETRY_AFTER_MS) : undefined
}

async function boundedText(response: Response): Promise<string> {
  let text = ''
  const decoder = new TextDecoder()
  for await (const chunk of response.body ?? []) {
    text += decoder.decode(chunk as Uint8Array, { stream: true })
    if (text.length > MAX_BODY_BYTES) throw new Error(`the answer is longer than ${MAX_BODY_BYTES} bytes`)
  }
  return text
}

/**
 * Sends a request within a span, if tracing is on (workers/tracing.ts).
 * @param request receives the headers that link the endpoint's own spans to this one
 */
function traced(
  url: string,
  model: string,
  request: (headers: Record<string, string>) => Promise<Response>,
): Promise<Response> {
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
        if (!response.ok) span.setStatus({ code: SpanStatusCode.ERROR })
        return response
      } catch (error) {
        span.setStatus({ code: SpanStatusCode.ERROR, message: (error as Error).name })
        throw error
      } finally {
        span.end()
      }
    })
}
