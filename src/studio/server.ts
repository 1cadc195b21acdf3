// `rlaif studio`: the pages over HTTP.
import type { Server } from 'node:http'
import { createHash } from 'node:crypto'
import { Hono } from 'hono'
import { HTTPException } from 'hono/http-exception'
import { InvalidInput } from '../contracts/parse'
import { LOOPBACK } from '../http/guard'
import { atMost, listen, refuseInText } from '../http/server'
import { tokenOf } from '../http/token'
import { NoServer, reasonOf } from '../runs/reason'
import { addToken, STUDIO_TOKEN } from './access'
import { addAssets, IMPORT_MAP } from './assets'
import { messagePage } from './layout'
import { PAGES } from './routes'
import type { Studio, StudioApp, StudioContext } from './studio'

export interface StudioAddress {
  host: string
  /** 0 for any free port. */
  port: number
  /** At which browsers reach it if not at host and port, e.g. that of a TLS proxy. */
  url?: string | undefined
}

const MAX_BODY_BYTES = 1024 * 1024

const sha256 = (text: string) => `'sha256-${createHash('sha256').update(text).digest('base64')}'`

/** Allows the studio's own scripts and no other, and nothing from any other place. */
const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  `script-src 'self' ${sha256(IMPORT_MAP)}`,
  "style-src 'self' 'unsafe-inline'", // charts and the editor bring their style with them
  "img-src 'self' data:",
  "connect-src 'self'",
  "form-action 'self'",
  "frame-ancestors 'none'",
  "base-uri 'none'",
].join('; ')

const HEADERS = {
  'content-security-policy': CONTENT_SECURITY_POLICY,
  'cross-origin-resource-policy': 'same-origin',
  'cross-origin-opener-policy': 'same-origin',
  'referrer-policy': 'same-origin', // with no-referrer, the browser would not name the page as a form's origin
}

/** Unless they are called otherwise by the route: pages show what is in progress. */
const addHeaders = (app: StudioApp): void =>
  void app.use(async (c, next) => {
    await next()
    for (const [name, value] of Object.entries(HEADERS)) if (!c.res.headers.has(name)) c.res.headers.set(name, value)
    if (!c.res.headers.has('cache-control')) c.res.headers.set('cache-control', 'no-store')
  })

/** @throws InvalidInput when a token is needed and none is set */
export function studioApp(studio: Studio, host: string): StudioApp {
  const isOpen = `--host ${host} lets other machines start runs and read them`
  const token = tokenOf(STUDIO_TOKEN, 'studio', LOOPBACK.has(host) ? undefined : isOpen)
  const app: StudioApp = new Hono()
  addHeaders(app)
  app.use(atMost(MAX_BODY_BYTES, (c, reason) => c.text(`studio: ${reason}`, 413)))
  if (token !== undefined) addToken(app, token)
  addAssets(app)
  for (const add of PAGES) add(app, studio)
  app.notFound((c) => c.html(messagePage('Not found', `There is no page ${c.req.path}.`), 404))
  app.onError(failed)
  return app
}

/** What went wrong, as a page. */
function failed(error: Error, c: StudioContext): Response | Promise<Response> {
  if (error instanceof HTTPException) return error.getResponse()
  const reason = reasonOf(error)
  if (error instanceof InvalidInput) return c.html(messagePage('Not possible', reason), 400)
  const isAway = error instanceof NoServer || /UNAVAILABLE|No connection established/.test(error.message)
  const title = isAway ? 'Temporal does not answer' : 'This page cannot be shown'
  return c.html(messagePage(title, reason, 'Nothing is lost: the studio holds no state. Load the page again.'), 503)
}

/** @returns the server, once it listens @throws InvalidInput when the port is taken, or a token is needed */
export function openStudio(studio: Studio, { host, port, url }: StudioAddress): Promise<Server> {
  const app = studioApp(studio, host)
  return listen(app, { port, door: { address: host, url }, refuse: refuseInText('studio') }).catch((error: Error) => {
    const remedy = 'choose another with --port, or 0 for any free one'
    throw new InvalidInput(`studio: ${host}:${port} cannot be used: ${error.message}; ${remedy}`, { cause: error })
  })
}
