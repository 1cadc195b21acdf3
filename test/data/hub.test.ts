// Files of dataset repositories, against a local server with the routes of the Hub.
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { join } from 'node:path'
import { readRows } from '../../src/data/source'
import { rangeOf, repository, sendJson, sendRange, standInForTheHub } from '../hub'

const COMMIT = 'c'.repeat(40)
const PATH = 'hf:datasets/owner/pairs/data/train.jsonl'
const rows = [
  { prompt: 'Why?', reference: 'Because.' },
  { prompt: 'Who?', reference: 'Ü, of course.' },
]
const content = Buffer.from(rows.map((row) => `${JSON.stringify(row)}\n`).join(''))

let requests: IncomingMessage[]
let cut: boolean

function answer(request: IncomingMessage, response: ServerResponse): unknown {
  requests.push(request)
  const url = request.url!
  if (url.startsWith('/api/datasets/owner/pairs')) return sendJson(repository('owner/pairs', COMMIT), response)
  if (!url.startsWith(`/datasets/owner/pairs/resolve/${COMMIT}/data/train.jsonl`))
    return response.writeHead(404, { 'x-error-code': 'EntryNotFound' }).end()
  if (!cut || rangeOf(request, content.length).end === 0) return sendRange(content, request, response)
  response.writeHead(200, { 'content-length': content.length })
  return response.write(content.subarray(0, 10), () => response.destroy())
}

standInForTheHub(answer)
beforeEach(() => {
  requests = []
  cut = false
})

const cached = () => join(process.env.RLAIF_CACHE!, 'hub', 'datasets--owner--pairs', COMMIT, 'data', 'train.jsonl')

test('rows are downloaded from the Hub, and the second time read from the cache', async () => {
  expect((await readRows(PATH)).map(({ value }) => value)).toEqual(rows)
  expect(readFileSync(cached()).equals(content)).toBe(true)
  requests = []
  expect(await readRows(`hf:datasets/owner/pairs@main/data/train.jsonl`)).toHaveLength(2)
  expect(requests).toHaveLength(1) // which commit "main" is
})

test('HF_TOKEN is sent, for gated data', async () => {
  process.env.HF_TOKEN = 'hf_secret'
  await readRows(PATH)
  expect(requests.every(({ headers }) => headers.authorization === 'Bearer hf_secret')).toBe(true)
})

test('an interrupted download fails and leaves nothing that looks complete', async () => {
  cut = true
  await expect(readRows(PATH)).rejects.toThrow(/cannot download hf:datasets\/owner\/pairs/)
  expect(existsSync(cached())).toBe(false)
  cut = false
  expect(await readRows(PATH)).toHaveLength(2)
})

test('what two runs ask for at once is downloaded once; the second waits for it', async () => {
  const said = jest.spyOn(process.stderr, 'write').mockReturnValue(true)
  const both = await Promise.all([readRows(PATH), readRows(PATH)]).finally(() => said.mockRestore())
  expect(both.map((rows) => rows.length)).toEqual([2, 2])
  const asked = requests.filter(({ url, headers }) => url!.includes('/resolve/') && headers.range === undefined)
  expect(asked.length).toBeLessThanOrEqual(1)
  expect(readdirSync(join(cached(), '..'))).toEqual(['train.jsonl'])
})

test('a missing file and a malformed name are refused', async () => {
  await expect(readRows('hf:datasets/owner/pairs/other.jsonl')).rejects.toThrow(/no file other\.jsonl.*check the name/)
  await expect(readRows('hf:datasets/owner/missing/other.jsonl')).rejects.toThrow(/cannot download .*check the name/)
  await expect(readRows('hf:datasets/owner')).rejects.toThrow(/from the Hub it is hf:datasets\/owner\/name/)
  await expect(readRows('hf:datasets/owner/pairs/../../x')).rejects.toThrow(/from the Hub it is/)
})
