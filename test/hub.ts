// A stand-in for the Hugging Face Hub: before each test, HF_ENDPOINT points to it, and RLAIF_CACHE to an empty folder.
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { temporaryFolder } from './tiny-folder'

export function standInForTheHub(answer: (request: IncomingMessage, response: ServerResponse) => unknown): void {
  const environment = { ...process.env }
  let server: Server
  beforeEach(async () => {
    server = createServer(answer)
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    process.env.HF_ENDPOINT = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    process.env.RLAIF_CACHE = temporaryFolder()
  })
  afterEach(() => {
    server.close().closeAllConnections()
    process.env = { ...environment }
  })
}

/** The range of bytes that a request asks for. */
export function rangeOf(request: IncomingMessage, length: number): { start: number; end: number; partial: boolean } {
  const [, from, to] = /bytes=(\d+)-(\d*)/.exec(request.headers.range ?? '') ?? []
  return {
    start: Number(from ?? 0),
    end: to ? Math.min(Number(to), length - 1) : length - 1,
    partial: from !== undefined,
  }
}

export function sendRange(bytes: Buffer, request: IncomingMessage, response: ServerResponse): void {
  const { start, end, partial } = rangeOf(request, bytes.length)
  response.writeHead(partial ? 206 : 200, {
    etag: '"x"',
    'content-length': end - start + 1,
    'content-range': `bytes ${start}-${end}/${bytes.length}`,
  })
  response.end(bytes.subarray(start, end + 1))
}

export const sendJson = (value: unknown, response: ServerResponse): unknown =>
  response.setHeader('content-type', 'application/json').end(JSON.stringify(value))

/** The metadata that model and dataset repositories have in common. */
export const repository = (id: string, sha: string) => ({
  _id: '1',
  id,
  sha,
  private: false,
  gated: false,
  downloads: 0,
  likes: 0,
  lastModified: '2026-01-01T00:00:00.000Z',
})
