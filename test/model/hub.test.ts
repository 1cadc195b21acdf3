// Downloading models, from a local server with the Hub's routes.
import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { join } from 'node:path'
import { locateModel } from '../../src/model/locate'
import { repository, sendJson, sendRange, standInForTheHub } from '../hub'
import { writeTinyFolder } from '../tiny-folder'

const COMMIT = 'a'.repeat(40)
const tiny = writeTinyFolder()
const content = (path: string) =>
  path === 'pytorch_model.bin' ? Buffer.from('not wanted') : readFileSync(join(tiny, path))
const paths = [...readdirSync(tiny), 'pytorch_model.bin']

let requests: string[]
/** Answers instead of the server if it returns true. */
let fault: (request: IncomingMessage, response: ServerResponse) => boolean

function answer(request: IncomingMessage, response: ServerResponse): unknown {
  requests.push(`${request.method} ${request.url} ${request.headers.range ?? ''}`.trim())
  if (fault(request, response)) return undefined
  const url = request.url!
  if (url.startsWith('/api/models/owner/tiny/tree/'))
    return sendJson(
      paths.map((path) => ({
        type: 'file',
        path,
        size: content(path).length,
        oid: 'b'.repeat(40),
        ...(path.endsWith('.safetensors') && {
          lfs: { oid: sha256(content(path)), size: content(path).length, pointerSize: 1 },
        }),
      })),
      response,
    )
  if (url.startsWith('/api/models/owner/tiny')) return sendJson(repository('owner/tiny', COMMIT), response)
  const path = /^\/owner\/tiny\/resolve\/a{40}\/(.+?)(\?|$)/.exec(url)?.[1]
  if (!path || !paths.includes(path)) return response.writeHead(404).end()
  return sendRange(content(path), request, response)
}

const sha256 = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex')

standInForTheHub(answer)
beforeEach(() => {
  requests = []
  fault = () => false
})

const weightsUrl = (request: IncomingMessage) => request.url!.includes('model.safetensors')

test('only the files of a model are fetched, with progress, and a second call needs one request', async () => {
  const seen: number[][] = []
  const folder = await locateModel('hf:owner/tiny', { onBytes: (...bytes) => seen.push(bytes) })
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

test('an interrupted download resumes where it stopped', async () => {
  fault = (request, response) => {
    if (!weightsUrl(request) || request.headers.range === 'bytes=0-0') return false
    const bytes = content('model.safetensors')
    response
      .writeHead(200, { 'content-length': bytes.length })
      .write(bytes.subarray(0, 100_000), () => setTimeout(() => response.destroy(), 100))
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

test('what two runs ask for at once is downloaded once; the second waits for it', async () => {
  const said = jest.spyOn(process.stderr, 'write').mockReturnValue(true)
  const both = await Promise.all([locateModel('hf:owner/tiny'), locateModel('hf:owner/tiny')]).finally(() =>
    said.mockRestore(),
  )
  expect(both[0]).toBe(both[1])
  expect(readFileSync(join(both[0], 'model.safetensors')).equals(content('model.safetensors'))).toBe(true)
  expect(requests.filter((line) => line.includes('/tree/'))).toHaveLength(1)
  expect(readdirSync(join(both[0], '..')).sort()).toEqual([COMMIT, `${COMMIT}.wanted`])
})

test('weights that arrive damaged fail the check of their digest and are removed', async () => {
  fault = (request, response) => {
    if (!weightsUrl(request) || request.headers.range === 'bytes=0-0') return false
    sendRange(Buffer.from(content('model.safetensors')).fill(7, 5000, 5010), request, response)
    return true
  }
  await expect(locateModel('hf:owner/tiny')).rejects.toThrow(
    /model\.safetensors arrived damaged \(SHA-256 .* expected .*\); it was removed/,
  )
  expect(
    existsSync(
      join(process.env.RLAIF_CACHE!, 'hub', 'owner--tiny', `${COMMIT}.partial`, 'model.safetensors.incomplete'),
    ),
  ).toBe(false)
})

test('a malformed name and a repository that does not exist are refused', async () => {
  await expect(locateModel('hf:tiny')).rejects.toThrow(/"hf:tiny" is not of the form hf:owner\/name/)
  await expect(locateModel('hf:owner/../../etc@x')).rejects.toThrow(/not of the form/)
  await expect(locateModel('hf:owner/other')).rejects.toThrow(/cannot download hf:owner\/other: .*check the name/)
})
