// A Hub that serves one model folder as owner/name at one commit: the calls that a download makes.
//
//   node deploy/rehearsal/hub.mjs <address> <port> <owner/name> <folder>
import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { join } from 'node:path'

const [address, port, id, folder] = process.argv.slice(2)
const COMMIT = 'c'.repeat(40)
const INFO = { _id: '1', id, sha: COMMIT, private: false, gated: false, downloads: 0, likes: 0 }
const files = new Map(readdirSync(folder).map((name) => [name, readFileSync(join(folder, name))]))

/** As the Hub lists it: large files are kept by digest. */
function listed([path, bytes]) {
  const lfs = { oid: createHash('sha256').update(bytes).digest('hex'), size: bytes.length, pointerSize: 1 }
  const isLarge = path.endsWith('.safetensors')
  return { type: 'file', path, size: bytes.length, oid: 'b'.repeat(40), ...(isLarge && { lfs }) }
}

function sendFile(bytes, range, response) {
  const [, from = '0', to] = /bytes=(\d+)-(\d*)/.exec(range ?? '') ?? []
  const part = bytes.subarray(Number(from), to ? Number(to) + 1 : bytes.length)
  response.writeHead(range ? 206 : 200, {
    etag: '"x"',
    'content-length': part.length,
    'content-range': `bytes ${from}-${Number(from) + part.length - 1}/${bytes.length}`,
  })
  response.end(part)
}

createServer(({ url, headers }, response) => {
  const json = (value) => response.setHeader('content-type', 'application/json').end(JSON.stringify(value))
  if (url.startsWith(`/api/models/${id}/tree/`)) return json([...files].map(listed))
  if (url.startsWith(`/api/models/${id}`)) return json({ ...INFO, lastModified: '2026-01-01T00:00:00.000Z' })
  const name = url.startsWith(`/${id}/resolve/${COMMIT}/`) ? url.split('/').at(-1).replace(/\?.*$/, '') : ''
  const bytes = files.get(name)
  return bytes ? sendFile(bytes, headers.range, response) : response.writeHead(404).end()
}).listen(Number(port), address)
