// Downloading, against a local server that speaks the Hub's routes.
import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { locateModel } from '../../src/model/locate'
import { temporaryFolder, writeTinyFolder } from '../tiny-folder'

const COMMIT = 'a'.repeat(40)
const tiny = writeTinyFolder()
const content = (path: string) => (path === 'pytorch_model.bin' ? Buffer.from('not wanted') : readFileSync(join(tiny, path)))
const paths = [...readdirSync(tiny), 'pytorch_model.bin']

let server: Server
let requests: string[]
/** Answers in place of the server where it returns true. */
let fault: (request: IncomingMessage, response: ServerResponse) => boolean

function answer(request: IncomingMessage, response: ServerResponse): unknown {
  requests.push(`${request.method} ${request.url} ${request.headers.range ?? ''}`.trim())
  if (fault(request, response)) return undefined
  const url = request.url!
  const json = (value: unknown) => response.setHeader('content-type', 'application/json').end(JSON.stringify(value))
  if (url.startsWith('/api/models/owner/tiny/tree/')) return json(paths.map((path) => ({ type: 'file', path, size: content(path).length, oid: 'b'.repeat(40), ...(path.endsWith('.safetensors') && { lfs: { oid: sha256(content(path)), size: content(path).length, pointerSize: 1 } }) })))
  if (url.startsWith('/api/models/owner/tiny')) return json({ _id: '1', id: 'owner/tiny', sha: COMMIT, private: false, gated: false, downloads: 0, likes: 0, lastModified: '2026-01-01T00:00:00.000Z' })
  const path = /^\/owner\/tiny\/resolve\/a{40}\/(.+?)(\?|$)/.exec(url)?.[1]
  if (!path || !paths.includes(path)) return response.writeHead(404).end()
  return sendRange(content(path), request, response)
}

function sendRange(bytes: Buffer, request: IncomingMessage, response: ServerResponse) {
  const [, from, to] = /bytes=(\d+)-(\d*)/.exec(request.headers.range ?? '') ?? []
  const start = Number(from ?? 0)
  const end = to ? Math.min(Number(to), bytes.length - 1) : bytes.length - 1
  response.writeHead(from === undefined ? 200 : 206, { etag: '"x"', 'content-length': end - start + 1, 'content-range': `bytes ${start}-${end}/${bytes.length}` })
  response.end(bytes.subarray(start, end + 1))
}
const sha256 = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex')

const environment = { ...process.env }
beforeEach(async () => {
  requests = []
  fault = () => false
  server = createServer(answer)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  process.env.HF_ENDPOINT = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  process.env.RLAIF_CACHE = temporaryFolder()
})
afterEach(() => {
  server.close().closeAllConnections()
  process.env = { ...environment }
})

const weightsUrl = (request: IncomingMessage) => request.url!.includes('model.safetensors')

test('only the files of a model are fetched, with progress, and a second call needs one question', async () => {
  const seen: number[][] = []
  const folder = await locateModel('hf:owner/tiny', (...bytes) => seen.push(bytes))
  expect(readdirSync(folder).sort()).toEqual(readdirSync(tiny).sort())
  expect(readFileSync(join(folder, 'model.safetensors')).equals(content('model.safetensors'))).toBe(true)
  const total = readdirSync(tiny).reduce((sum, path) => sum + content(path).length, 0)
  expect(seen.at(-1)).toEqual([total, total])
  requests = []
  expect(await locateModel('hf:owner/tiny')).toBe(folder)
  expect(requests).toHaveLength(1)
  requests = []
  expect(await locateModel(`hf:owner/tiny@${COMMIT}`)).toBe(folder)
  expect(requests).toHaveLength(0)
})

test('a download that broke off goes on where it was', async () => {
  fault = (request, response) => {
    if (!weightsUrl(request) || request.headers.range === 'bytes=0-0') return false
    const bytes = content('model.safetensors')
    response.writeHead(200, { 'content-length': bytes.length }).write(bytes.subarray(0, 100_000), () => setTimeout(() => response.destroy(), 100))
    return true
  }
  await expect(locateModel('hf:owner/tiny')).rejects.toThrow(/cannot download hf:owner\/tiny/)
  const [partial] = readdirSync(join(process.env.RLAIF_CACHE!, 'hub', 'owner--tiny'))
  expect(partial).toBe(`${COMMIT}.partial`)
  fault = () => false
  requests = []
  const folder = await locateModel('hf:owner/tiny')
  expect(requests.filter((line) => line.includes('model.safetensors')).at(-1)).toMatch(/bytes=[1-9]\d*-/)
  expect(readFileSync(join(folder, 'model.safetensors')).equals(content('model.safetensors'))).toBe(true)
})

test('weights that arrive damaged are refused by their digest and removed', async () => {
  fault = (request, response) => {
    if (!weightsUrl(request) || request.headers.range === 'bytes=0-0') return false
    sendRange(Buffer.from(content('model.safetensors')).fill(7, 5000, 5010), request, response)
    return true
  }
  await expect(locateModel('hf:owner/tiny')).rejects.toThrow(/model\.safetensors arrived damaged \(SHA-256 .* expected .*\); it was removed/)
  expect(existsSync(join(process.env.RLAIF_CACHE!, 'hub', 'owner--tiny', `${COMMIT}.partial`, 'model.safetensors.incomplete'))).toBe(false)
})

test('a name that is none, a repository that is not there', async () => {
  await expect(locateModel('hf:tiny')).rejects.toThrow(/"hf:tiny" is not of the form hf:owner\/name/)
  await expect(locateModel('hf:owner/../../etc@x')).rejects.toThrow(/not of the form/)
  await expect(locateModel('hf:owner/other')).rejects.toThrow(/cannot download hf:owner\/other: .*check the name/)
})
