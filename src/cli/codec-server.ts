// `rlaif codec-server`: lets Temporal's UI show encrypted payloads. The browser on this machine asks it; the Temporal
// server never does.
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { PayloadCodec } from '@temporalio/common'
import { z } from 'zod'
import { InvalidInput } from '../contracts/parse'
import { answerInText, urlOf } from '../http/answer'
import { readBody } from '../http/body'
import { refusalByOrigin, refusalByType } from '../http/guard'
import { hasToken, tokenOf } from '../http/token'
import { encryptingCodec, parsePayloadKeys, PAYLOAD_KEYS, type PayloadKeys } from '../workers/payload-encryption'

const MAX_BODY_BYTES = 16 * 1024 * 1024
const ADDRESS = '127.0.0.1'
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
  const server = createServer((request, response) => {
    const refusal = refusalOf(request, origin, token)
    if (refusal) return answerInText(response, refusal.status, `codec-server: ${refusal.reason}\n`)
    response.setHeader('access-control-allow-origin', origin)
    response.setHeader('vary', 'origin')
    if (request.method === 'OPTIONS')
      return void response
        .writeHead(204, {
          'access-control-allow-methods': 'POST',
          'access-control-allow-headers': 'content-type,x-namespace,authorization',
          'access-control-max-age': '600',
        })
        .end()
    answer(request, response, keys).catch((error: Error) => answerInText(response, 400, error.message))
  })
  return new Promise((resolve, reject) => {
    server.once('error', (error) =>
      reject(
        new InvalidInput(`codec-server: port ${port} cannot be used: ${error.message}; choose another with --port`),
      ),
    )
    server.listen(port, ADDRESS, () => resolve(server))
  })
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
function refusalOf(request: IncomingMessage, origin: string, token: string | undefined) {
  const foreign = refusalByOrigin(request, { address: ADDRESS, pages: [origin] })
  if (foreign) return foreign
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
function codecFor({ headers }: IncomingMessage, keys: PayloadKeys): PayloadCodec {
  const namespace = headers['x-namespace']
  return encryptingCodec(keys, { plain: 'accept', ...(typeof namespace === 'string' && { context: { namespace } }) })
}

async function answer(request: IncomingMessage, response: ServerResponse, keys: PayloadKeys): Promise<void> {
  const path = urlOf(request).pathname
  const codec = codecFor(request, keys)
  const convert = path.endsWith('/decode') ? codec.decode : path.endsWith('/encode') ? codec.encode : undefined
  if (request.method !== 'POST' || !convert) return void response.writeHead(404).end()
  const { payloads } = bodySchema.parse(JSON.parse(await readBody(request, MAX_BODY_BYTES)))
  const converted = await convert(payloads.map(({ metadata, data }) => ({ metadata, data: data ?? Buffer.alloc(0) })))
  const asText = (bytes: Uint8Array | null | undefined) => Buffer.from(bytes ?? []).toString('base64')
  const body = {
    payloads: converted.map(({ metadata, data }) => ({
      metadata: Object.fromEntries(Object.entries(metadata ?? {}).map(([name, value]) => [name, asText(value)])),
      data: asText(data),
    })),
  }
  response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(body))
}
