// Files of dataset repositories, against a local server that speaks the Hub's routes.
import { existsSync, readFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { readRows } from '../../src/data/source'
import { temporaryFolder } from '../tiny-folder'

const COMMIT = 'c'.repeat(40)
const PATH = 'hf:datasets/owner/pairs/data/train.jsonl'
const rows = [{ prompt: 'Why?', reference: 'Because.' }, { prompt: 'Who?', reference: 'Ü, of course.' }]
const content = Buffer.from(rows.map((row) => `${JSON.stringify(row)}\n`).join(''))

let server: Server
let requests: IncomingMessage[]
let cut: boolean

function answer(request: IncomingMessage, response: ServerResponse): unknown {
  requests.push(request)
  const url = request.url!
  if (url.startsWith('/api/datasets/owner/pairs')) return response.setHeader('content-type', 'application/json').end(JSON.stringify({ _id: '1', id: 'owner/pairs', sha: COMMIT, private: false, gated: false, downloads: 0, likes: 0, lastModified: '2026-01-01T00:00:00.000Z' }))
  if (!url.startsWith(`/datasets/owner/pairs/resolve/${COMMIT}/data/train.jsonl`)) return response.writeHead(404, { 'x-error-code': 'EntryNotFound' }).end()
  const [, from, to] = /bytes=(\d+)-(\d*)/.exec(request.headers.range ?? '') ?? []
  const start = Number(from ?? 0)
  const end = to ? Math.min(Number(to), content.length - 1) : content.length - 1
  response.writeHead(from === undefined ? 200 : 206, { etag: '"x"', 'content-length': end - start + 1, 'content-range': `bytes ${start}-${end}/${content.length}` })
  if (cut && end > 0) return response.write(content.subarray(start, start + 10), () => response.destroy())
  return response.end(content.subarray(start, end + 1))
}

const environment = { ...process.env }
beforeEach(async () => {
  requests = []
  cut = false
  server = createServer(answer)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  process.env.HF_ENDPOINT = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  process.env.RLAIF_CACHE = temporaryFolder()
})
afterEach(() => {
  server.close().closeAllConnections()
  process.env = { ...environment }
})

const cached = () => join(process.env.RLAIF_CACHE!, 'hub', 'datasets--owner--pairs', COMMIT, 'data', 'train.jsonl')

test('rows come from the Hub, and the second time from the cache', async () => {
  expect((await readRows(PATH)).map(({ value }) => value)).toEqual(rows)
  expect(readFileSync(cached()).equals(content)).toBe(true)
  requests = []
  expect(await readRows(`hf:datasets/owner/pairs@main/data/train.jsonl`)).toHaveLength(2)
  expect(requests).toHaveLength(1) // which commit "main" is
})

test('HF_TOKEN goes along, for gated data', async () => {
  process.env.HF_TOKEN = 'hf_secret'
  await readRows(PATH)
  expect(requests.every(({ headers }) => headers.authorization === 'Bearer hf_secret')).toBe(true)
})

test('a download that breaks off fails and leaves nothing that looks whole', async () => {
  cut = true
  await expect(readRows(PATH)).rejects.toThrow(/cannot download hf:datasets\/owner\/pairs/)
  expect(existsSync(cached())).toBe(false)
  cut = false
  expect(await readRows(PATH)).toHaveLength(2)
})

test('a file that is not there, a name that is none', async () => {
  await expect(readRows('hf:datasets/owner/pairs/other.jsonl')).rejects.toThrow(/no file other\.jsonl.*check the name/)
  await expect(readRows('hf:datasets/owner/missing/other.jsonl')).rejects.toThrow(/cannot download .*check the name/)
  await expect(readRows('hf:datasets/owner')).rejects.toThrow(/from the Hub it is hf:datasets\/owner\/name/)
  await expect(readRows('hf:datasets/owner/pairs/../../x')).rejects.toThrow(/from the Hub it is/)
})
