// One request to an address that may come from whoever started a run, by default a POST. It connects within its reach
// only, follows no redirect and unpacks nothing.
import { request as httpRequest, type IncomingMessage } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { openAgents } from '../http-agents'
import { checkedLookup, checkNumber, type Reach } from './address-rules'

const agentsOf = (reach: Reach) => openAgents({ lookup: checkedLookup(reach) })
/** A kept connection is reused by requests of the same reach only. */
const AGENTS = { named: agentsOf('named'), public: agentsOf('public'), 'this machine': agentsOf('this machine') }

export interface Post {
  method?: 'GET' | 'POST' | 'PUT'
  headers: Record<string, string>
  body: string | Buffer
  reach: Reach
  timeoutMs: number
}

export interface Reply {
  status: number
  header(name: string): string | undefined
  /**
   * The body, if it is not longer than this.
   * @throws when it is, or when it is cut
   */
  text(mostBytes: number): Promise<string>
  /** Gives up the body. */
  discard(): void
}

/**
 * @returns as soon as there is a status; the body may follow until the time is over
 * @throws EndpointRefused when the address is out of reach; else when there is no answer in time
 */
export async function post(
  address: string,
  { method = 'POST', headers, body, reach, timeoutMs }: Post,
): Promise<Reply> {
  const url = new URL(address)
  checkNumber(url, reach)
  const protocol = url.protocol as 'http:' | 'https:'
  const send = protocol === 'https:' ? httpsRequest : httpRequest
  const signal = AbortSignal.timeout(timeoutMs)
  const late = (error: unknown) => (signal.aborted ? new Error(`timeout after ${timeoutMs / 1000} s`) : error)
  const message = await new Promise<IncomingMessage>((resolve, reject) => {
    send(url, {
      method,
      agent: AGENTS[reach][protocol],
      headers: { ...headers, 'content-length': String(Buffer.byteLength(body)) },
      signal,
    })
      .on('response', resolve)
      .on('error', (error) => reject(late(error) as Error))
      .end(body)
  })
  return {
    status: message.statusCode ?? 0,
    header: (name) => [message.headers[name]].flat()[0],
    text: (mostBytes) => textOf(message, mostBytes).catch((error: unknown) => Promise.reject(late(error) as Error)),
    discard: () => void message.destroy(),
  }
}

async function textOf(message: IncomingMessage, mostBytes: number): Promise<string> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of message as AsyncIterable<Buffer>) {
    chunks.push(chunk)
    bytes += chunk.length
    if (bytes > mostBytes) throw new Error(`the answer is longer than ${mostBytes} bytes`)
  }
  return Buffer.concat(chunks).toString('utf8')
}
