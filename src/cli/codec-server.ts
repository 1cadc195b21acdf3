// `rlaif codec-server`: lets Temporal's UI show encrypted payloads. The browser on this machine asks it; the Temporal
// server never does.
import type { IncomingMessage, Server } from 'node:http'
import type { PayloadCodec } from '@temporalio/common'
import { Hono } from 'hono'
import { cors } from 'hono/cors'
import { z } from 'zod'
import { InvalidInput } from '../contracts/parse'
import { refusalByType, type Refusal } from '../http/guard'
import { atMost, listen, refuseInText, type App, type AppContext } from '../http/server'
import { hasToken, tokenOf } from '../http/token'
import { encryptingCodec, parsePayloadKeys, PAYLOAD_KEYS, type PayloadKeys } from '../workers/payload-encryption'

const MAX_BODY_BYTES = 16 * 1024 * 1024
const ADDRESS = '127.0.0.1'
const NAME = 'codec-server'
export const CODEC_TOKEN = 'RLAIF_CODEC_TOKEN'

const base64 = z.base64().transform((text) => Buffer.from(text, 'base64'))
const bodySchema = z.object({
  payloads: z
    .array(z.object({ metadata: z.record(z.string(), base64).default({}), data: base64.optional() }))
    .max(10_000),
})

export interface CodecServerOptions {
  port: number
  /** Address of the UI, whose pages alone may ask. */
  ui: string
}

/** @returns the server, once it listens on this machine */
export async function startCodecServer({ port, ui }: CodecServerOptions): Promise<Server> {
  const given = process.env[PAYLOAD_KEYS]
  if (!given) throw new InvalidInput(`codec-server: ${PAYLOAD_KEYS} is not set; set it to name:key as for the workers`)
  const keys = parsePayloadKeys(given)
  const origin = originOf(ui)
  const token = tokenOf(CODEC_TOKEN, 'codec-server')
  const door = { address: ADDRESS, pages: [origin] }
  const server = listen(codecApp(origin, token, keys), { port, door, refuse: refuseInText(NAME) })
  return server.catch((error: Error) => {
    throw new InvalidInput(`codec-server: port ${port} cannot be used: ${error.message}; choose another with --port`)
  })
}

function codecApp(origin: string, token: string | undefined, keys: PayloadKeys): App {
  const app: App = new Hono()
  app.use(async (c, next) => {
    const refusal = refusalOf(c.env.incoming, origin, token)
    return refusal ? c.text(`${NAME}: ${refusal.reason}\n`, refusal.status) : next()
  })
  const allowed = { allowMethods: ['POST'], allowHeaders: ['content-type', 'x-namespace', 'authorization'] }
  app.use(cors({ origin, ...allowed, maxAge: 600 }))
  app.use(atMost(MAX_BODY_BYTES, (c, reason) => c.text(`${NAME}: ${reason}\n`, 400)))
  for (const way of ['decode', 'encode'] as const)
    for (const path of [`/${way}`, `/*/${way}`]) app.post(path, (c) => converted(c, codecFor(c, keys)[way]))
  app.onError((error, c) => c.text(error.message, 400))
  return app
}

function originOf(ui: string): string {
  try {
    return new URL(ui).origin
  } catch {
    throw new InvalidInput(`--ui got "${ui}"; it must be the address of Temporal's UI, e.g. http://127.0.0.1:8233`)
  }
}

/**
 * Why a request is refused: only the UI's own pages may ask, with the token if there is one. The UI sends it as the first
 * part of the path, because its field for the endpoint is all that a person can set there; the browser asks for leave
 * (OPTIONS) at the same path.
 */
function refusalOf(
  request: IncomingMessage,
  origin: string,
  token: string | undefined,
): { status: 401 | Refusal['status']; reason: string } | undefined {
  if (request.headers.origin !== origin)
    return { status: 403, reason: `only pages of ${origin} may ask; --ui sets another` }
  if (!hasToken(request, token, decoded(request.url!.split('/')[1] ?? '')))
    return { status: 401, reason: `the token is missing or wrong; the endpoint is http://…/<${CODEC_TOKEN}>` }
  return request.method === 'POST' ? refusalByType(request) : undefined
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part)
  } catch {
    return part
  }
}

/** The UI says for which namespace it asks, not for which run. What is not encrypted is shown as it is. */
function codecFor(c: AppContext, keys: PayloadKeys): PayloadCodec {
  const namespace = c.req.header('x-namespace')
  return encryptingCodec(keys, { plain: 'accept', ...(namespace !== undefined && { context: { namespace } }) })
}

async function converted(c: AppContext, convert: PayloadCodec['decode']): Promise<Response> {
  const { payloads } = bodySchema.parse(await c.req.json())
  const results = await convert(payloads.map(({ metadata, data }) => ({ metadata, data: data ?? Buffer.alloc(0) })))
  const asText = (bytes: Uint8Array | null | undefined) => Buffer.from(bytes ?? []).toString('base64')
  return c.json({
    payloads: results.map(({ metadata, data }) => ({
      metadata: Object.fromEntries(Object.entries(metadata ?? {}).map(([name, value]) => [name, asText(value)])),
      data: asText(data),
    })),
  })
}
