// Requests to an OpenAI-compatible endpoint, with manners: so many at once and a minute, growing and jittered pauses, Retry-After,
// a stop when the endpoint is down, a stop before the money is spent. The key comes from the environment and goes nowhere else.
import { context, propagation, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api'
import type { EndpointSettings } from '../contracts/labeler-settings'
import { checkAddress, checkAllowance } from './endpoint-allowance'
import type { Unanswered } from './labeler'

const FIRST_PAUSE_MS = 500
const LONGEST_PAUSE_MS = 30_000
/** A server may ask for more patience than we would have. */
const LONGEST_ASKED_PAUSE_MS = 10 * 60_000
const MAX_BODY_BYTES = 16 * 1024 * 1024
/** For estimates before a request; the endpoint's own count is used after it. */
const CHARACTERS_PER_TOKEN = 3

/** The endpoint cannot be used as it is set up, or the money is spent; asking again would not help. */
export class EndpointRefused extends Error {
  override name = 'EndpointRefused'
}
/** The endpoint is down; what it answered so far is kept, and the stage may be tried again later. */
export class EndpointDown extends Error {
  override name = 'EndpointDown'
}

export interface Usage {
  requests: number
  promptTokens: number
  completionTokens: number
  /** In the currency of `labeler.price`. */
  cost: number
}

export interface EndpointClient {
  usage: Usage
  /** The body of the answer; `charactersIn` and `tokensOut` bound what the request may cost. */
  post(route: string, body: object, charactersIn: number, tokensOut: number): Promise<{ body: unknown } | Unanswered>
}

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

function keyOf({ apiKeyEnv }: EndpointSettings): string | undefined {
  if (!apiKeyEnv) return undefined
  const key = process.env[apiKeyEnv]
  if (!key)
    throw new EndpointRefused(
      `label: field "labeler.apiKeyEnv" names ${apiKeyEnv}, which is not set where this worker runs; set it and start the worker again`,
    )
  return key
}

/** Retry-After in milliseconds, given in seconds or as a date. */
function askedPause(header: string | null): number | undefined {
  if (header === null) return undefined
  const ms = /^\d+$/.test(header) ? Number(header) * 1000 : Date.parse(header) - Date.now()
  return Number.isFinite(ms) ? Math.min(Math.max(0, ms), LONGEST_ASKED_PAUSE_MS) : undefined
}

const backoff = (attempt: number) =>
  Math.min(FIRST_PAUSE_MS * 2 ** attempt, LONGEST_PAUSE_MS) * (0.5 + Math.random() / 2)

async function boundedText(response: Response): Promise<string> {
  let text = ''
  const decoder = new TextDecoder()
  for await (const chunk of response.body ?? []) {
    text += decoder.decode(chunk as Uint8Array, { stream: true })
    if (text.length > MAX_BODY_BYTES) throw new Error(`the answer is longer than ${MAX_BODY_BYTES} bytes`)
  }
  return text
}

/** Spreads requests over the minute. */
function pacer(perMinute: number | undefined): (amount: number) => Promise<void> {
  let free = 0
  return async (amount) => {
    if (perMinute === undefined) return
    const start = Math.max(Date.now(), free)
    free = start + (60_000 * amount) / perMinute
    await pause(start - Date.now())
  }
}

/** Lets so many through at a time, in order. */
function gate(most: number): <T>(work: () => Promise<T>) => Promise<T> {
  const waiting: (() => void)[] = []
  let inside = 0
  return async (work) => {
    if (inside >= most)
      await new Promise<void>((enter) => waiting.push(enter)) // whoever leaves gives the place on
    else inside++
    try {
      return await work()
    } finally {
      const next = waiting.shift()
      if (next) next()
      else inside--
    }
  }
}

/** A request as a span, if traces are on (workers/tracing.ts). @param request is given headers by which the endpoint's own spans find this one */
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

const TOO_LONG = /context[_ ](length|window|size)|maximum context|too (long|many tokens)|exceeds? .*(context|tokens)/i

/** @param own address of an endpoint that this process serves itself: nothing is checked there and no key is sent */
export function openClient(settings: EndpointSettings, own?: string): EndpointClient {
  const isOwn = own !== undefined
  const address = own ?? settings.baseUrl
  if (!isOwn) checkAllowance(address, settings.apiKeyEnv)
  const key = isOwn ? undefined : keyOf(settings)
  let checked: Promise<void> | undefined
  const usage: Usage = { requests: 0, promptTokens: 0, completionTokens: 0, cost: 0 }
  const paceRequests = pacer(settings.requestsPerMinute)
  const paceTokens = pacer(settings.tokensPerMinute)
  const price = (tokensIn: number, tokensOut: number) =>
    (tokensIn * (settings.price?.inputPerMillion ?? 0) + tokensOut * (settings.price?.outputPerMillion ?? 0)) / 1e6
  const redact = (text: string) => (key ? text.replaceAll(key, '***') : text)
  const atOnce = gate(settings.concurrency)
  let reserved = 0
  let quietUntil = 0
  let failuresInARow = 0

  function reserve(cost: number): void {
    if (settings.maxCost !== undefined && usage.cost + reserved + cost > settings.maxCost) {
      throw new EndpointRefused(
        `label: the next request may pass labeler.maxCost = ${settings.maxCost} (${usage.cost.toFixed(4)} is spent); answers so far are kept: raise it and run the stage again`,
      )
    }
    reserved += cost
  }

  function spend(body: unknown): void {
    const { prompt_tokens: tokensIn = 0, completion_tokens: tokensOut = 0 } =
      (body as { usage?: { prompt_tokens?: number; completion_tokens?: number } } | null)?.usage ?? {}
    usage.promptTokens += Number(tokensIn) || 0
    usage.completionTokens += Number(tokensOut) || 0
    usage.cost += price(Number(tokensIn) || 0, Number(tokensOut) || 0)
  }

  /** One try. */
  async function send(
    url: string,
    body: object,
  ): Promise<{ body: unknown } | Unanswered | { again: string; wait?: number | undefined }> {
    usage.requests++
    const response = await traced(url, settings.model, (headers) =>
      fetch(url, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...headers, ...(key && { authorization: `Bearer ${key}` }) },
        body: JSON.stringify(body),
        redirect: 'manual', // an endpoint must not lead the key, or the request, to where it is not allowed
        signal: AbortSignal.timeout(settings.timeoutSeconds * 1000),
      }),
    )
    if (response.status >= 300 && response.status < 400)
      throw new EndpointRefused(
        `label: ${url} answered with a redirect to ${String(response.headers.get('location')).slice(0, 200)}; set labeler.baseUrl to where it leads`,
      )
    const text = await boundedText(response)
    if (response.ok) {
      const parsed: unknown = JSON.parse(text)
      spend(parsed)
      return { body: parsed }
    }
    const said = redact(`HTTP ${response.status} ${text.slice(0, 300)}`)
    if ([401, 403, 404].includes(response.status))
      throw new EndpointRefused(
        `label: ${url} answered ${said}; check labeler.baseUrl, labeler.model ("${settings.model}") and labeler.apiKeyEnv`,
      )
    if (response.status < 500 && response.status !== 408 && response.status !== 429)
      return { failed: said, ...(TOO_LONG.test(text) && { tooLong: true as const }) }
    return { again: said, wait: askedPause(response.headers.get('retry-after')) }
  }

  async function tries(url: string, body: object, tokens: number): Promise<{ body: unknown } | Unanswered> {
    let last = ''
    for (let attempt = 0; attempt <= settings.retries; attempt++) {
      await paceRequests(1)
      await paceTokens(tokens)
      await pause(quietUntil - Date.now())
      const outcome = await send(url, body).catch((error: unknown) => {
        if (error instanceof EndpointRefused) throw error
        const { cause, message } = error as Error
        return { again: `${message}${cause instanceof Error ? ` (${cause.message})` : ''}` }
      })
      if (!('again' in outcome)) {
        failuresInARow = 0
        return outcome
      }
      last = outcome.again
      const { wait } = outcome as { wait?: number }
      if (wait !== undefined)
        quietUntil = Math.max(quietUntil, Date.now() + wait) // everybody waits, not this request alone
      else if (attempt < settings.retries) await pause(backoff(attempt))
    }
    failuresInARow++
    if (failuresInARow >= settings.stopAfterFailures)
      throw new EndpointDown(
        `label: ${failuresInARow} requests in a row failed after ${settings.retries + 1} tries each, the last with: ${last}; answers so far are kept, the stage goes on from them`,
      )
    return { failed: `${url}: ${last}, after ${settings.retries + 1} tries` }
  }

  return {
    usage,
    async post(route, body, charactersIn, tokensOut) {
      const tokensIn = Math.ceil(charactersIn / CHARACTERS_PER_TOKEN)
      const estimate = price(tokensIn, tokensOut)
      await (checked ??= isOwn ? Promise.resolve() : checkAddress(address))
      reserve(estimate)
      try {
        return await atOnce(() => tries(`${address.replace(/\/+$/, '')}/${route}`, body, tokensIn + tokensOut))
      } finally {
        reserved -= estimate
      }
    },
  }
}
