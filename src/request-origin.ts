// Which requests a server on this machine refuses: those that a web page of another site may have caused. A page that a
// person here looks at can post to any local address; the browser then names the page's origin and, for a name that
// was made to lead here (DNS rebinding), that name as the host.
import type { IncomingMessage } from 'node:http'

export const LOOPBACK: ReadonlySet<string> = new Set(['127.0.0.1', '::1', 'localhost'])

export interface Refusal {
  status: 403 | 415
  reason: string
}

const hostnameOf = (host: string): string | undefined =>
  URL.canParse(`http://${host}`) ? new URL(`http://${host}`).hostname.replace(/^\[|\]$/g, '') : undefined

/** @param servedAt address that the server listens on; at a loopback address, requests must name this machine */
export function refusalByOrigin({ headers }: IncomingMessage, servedAt: string): Refusal | undefined {
  const { host = '', origin } = headers
  const named = hostnameOf(host)
  if (LOOPBACK.has(servedAt) && (named === undefined || !LOOPBACK.has(named)))
    return { status: 403, reason: `the request names the host "${host}", which is not this machine` }
  if (origin !== undefined && origin !== `http://${host}`)
    return { status: 403, reason: `the request comes from a web page of ${origin}, which may not ask` }
  return undefined
}

/** Forms and scripts of other sites can send text/plain without asking the browser, but not application/json. */
export const refusalByType = ({ headers }: IncomingMessage): Refusal | undefined =>
  /^application\/json\s*(;|$)/i.test(headers['content-type'] ?? '')
    ? undefined
    : {
        status: 415,
        reason: `the content type is ${headers['content-type'] ?? 'missing'}; it must be application/json`,
      }
