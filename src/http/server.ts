// What our HTTP servers share: Hono on Node's own server. What a page of another site may have sent is refused before
// any route sees it.
import { createServer, type Server, type ServerResponse } from 'node:http'
import { getRequestListener, type HttpBindings } from '@hono/node-server'
import type { Context, Hono, MiddlewareHandler } from 'hono'
import { bodyLimit } from 'hono/body-limit'
import { answerInText } from './answer'
import { refusalByOrigin, type Door, type Refusal } from './guard'

interface Env {
  Bindings: HttpBindings
}
export type App = Hono<Env>
export type AppContext = Context<Env>

interface Listening {
  /** 0 for any free port. */
  port: number
  door: Door
  /** Says in the server's own form that a request is not answered. */
  refuse(response: ServerResponse, refusal: Refusal): void
}

/** In plain text, after the server's name. */
export const refuseInText =
  (name: string) =>
  (response: ServerResponse, { status, reason }: Refusal): void =>
    answerInText(response, status, `${name}: ${reason}\n`)

/** @returns the server, once it listens @throws what Node says when it cannot, e.g. EADDRINUSE */
export function listen(app: App, { port, door, refuse }: Listening): Promise<Server> {
  const answer = getRequestListener(app.fetch, { overrideGlobalObjects: false })
  const server = createServer((request, response) => {
    response.setHeader('x-content-type-options', 'nosniff')
    const foreign = refusalByOrigin(request, door)
    if (foreign) return refuse(response, foreign)
    void answer(request, response)
  })
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, door.address, () => resolve(server))
  })
}

/** Refuses a longer body. @param say the answer */
export function atMost(
  maxSize: number,
  say: (context: AppContext, reason: string) => Response,
): MiddlewareHandler<Env> {
  const onError = (context: Context) => say(context as AppContext, `the body is longer than ${maxSize} bytes`)
  const limited = bodyLimit({ maxSize, onError })
  return (c, next) => {
    if (c.req.method !== 'POST') return next() // nothing reads the body of another
    if (c.req.header('content-length') === undefined) c.req.raw = inParts(c.req.raw)
    return limited(c, next)
  }
}

/** A request whose body comes in parts, or that has none, as one of Node's own: `bodyLimit` makes another of it, which the adapter's cannot be. */
const inParts = ({ url, method, headers, body }: Request): Request =>
  new Request(url, { method, headers, body, duplex: 'half' })
