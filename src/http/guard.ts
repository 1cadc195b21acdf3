// Which requests our servers refuse before they look at them: those that a web page of another site may have caused. A
// page that a person here looks at can post to any address of this machine; the browser then names the page's origin
// (Origin), says how it relates to us (Sec-Fetch-Site) and, for a name that was made to lead here (DNS rebinding), gives
// that name as the host (Host). Pages can set none of the three.
import type { IncomingMessage } from 'node:http'

export const LOOPBACK: ReadonlySet<string> = new Set(['127.0.0.1', '::1', 'localhost'])

/** What a server is reached by. */
export interface Door {
  /** Address that it listens on. At a loopback address requests must name this machine; elsewhere its names are unknown. */
  address: string
  /** Its URL for others, e.g. that of a TLS proxy before it: a further host at which it may be asked. */
  url?: string | undefined
  /** Origins of pages elsewhere that may ask; its own pages always may. */
  pages?: readonly string[]
}

export interface Refusal {
  status: 403 | 415
  reason: string
}

const hostnameOf = (host: string): string | undefined =>
  URL.canParse(`http://${host}`) ? new URL(`http://${host}`).hostname.replace(/^\[|\]$/g, '') : undefined

/** @returns why the request is refused, undefined if it may come in */
export function refusalByOrigin(request: IncomingMessage, door: Door): Refusal | undefined {
  const { host = '' } = request.headers
  if (!isServed(host, door))
    return { status: 403, reason: `the request names the host "${host}", which is not this machine` }
  const foreign = foreignPageOf(request, door)
  return foreign === undefined
    ? undefined
    : { status: 403, reason: `the request comes from ${foreign}, which may not ask` }
}

function isServed(host: string, { address, url }: Door): boolean {
  if (!LOOPBACK.has(address)) return true
  const named = hostnameOf(host)
  return named !== undefined && (LOOPBACK.has(named) || named === (url && new URL(url).hostname))
}

/** The page of another site that caused the request, if one did. */
function foreignPageOf({ headers, method }: IncomingMessage, { pages = [] }: Door): string | undefined {
  const { origin, host = '' } = headers
  const site = headers['sec-fetch-site']
  if (origin !== undefined && pages.includes(origin)) return undefined
  if (site === 'same-origin') return undefined // as the browser sees it: a proxy between may have changed the host
  if (origin !== undefined && ![`http://${host}`, `https://${host}`].includes(origin)) return `a web page of ${origin}`
  const isLink =
    method === 'GET' && headers['sec-fetch-mode'] === 'navigate' && headers['sec-fetch-dest'] === 'document'
  return site === undefined || site === 'none' || isLink ? undefined : 'a web page of another site'
}

/** Forms and scripts of other sites can send text/plain without asking the browser, but not application/json. */
export const refusalByType = ({ headers }: IncomingMessage): Refusal | undefined =>
  /^application\/json\s*(;|$)/i.test(headers['content-type'] ?? '')
    ? undefined
    : {
        status: 415,
        reason: `the content type is ${headers['content-type'] ?? 'missing'}; it must be application/json`,
      }
