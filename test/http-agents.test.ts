// A server that answers before it has read the request, and closes the connection later: the answer counts, and what
// could not be written any more ends neither a stage nor this process.
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { createServer, type AddressInfo, type Server } from 'node:net'
import { join } from 'node:path'
import { openBucket } from '../src/artifacts/bucket'
import { post } from '../src/feedback/post'
import { submitJob } from '../src/ray/cluster'
import { temporaryFolder } from './tiny-folder'

/** More than the buffers of a connection hold. */
const MANY = 24 * 1024 * 1024
const CLOSES_AFTER_MS = 200

let server: Server
let address: string
beforeEach(async () => {
  server = createServer((socket) => {
    socket.on('error', () => {})
    socket.once('data', () => {
      socket.pause()
      socket.write('HTTP/1.1 413 Payload Too Large\r\ncontent-length: 2\r\n\r\nno')
      setTimeout(() => socket.destroySoon(), CLOSES_AFTER_MS)
    })
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  address = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
})
/** Jest fails a test in which an error is thrown that nobody hears. */
afterEach(async () => {
  await new Promise((done) => setTimeout(done, 2 * CLOSES_AFTER_MS))
  server.close()
})

const body = 'x'.repeat(MANY)

test('of an endpoint', async () => {
  const reply = await post(address, { headers: {}, body, reach: 'this machine', timeoutMs: 5_000 })
  expect([reply.status, await reply.text(10)]).toEqual([413, 'no'])
})

test('of a Ray cluster', async () => {
  const job = { submission_id: 'a', entrypoint: body } as unknown as Parameters<typeof submitJob>[1]
  await expect(submitJob({ address }, job)).rejects.toThrow(/413/)
})

test('of a bucket', async () => {
  process.env.AWS_ENDPOINT_URL_S3 = address
  process.env.AWS_ACCESS_KEY_ID = process.env.AWS_SECRET_ACCESS_KEY = 'any'
  const file = join(temporaryFolder(), 'large')
  writeFileSync(file, body.slice(0, 15 * 1024 * 1024)) // one part
  await expect(openBucket('s3://any').upload('large', file)).rejects.toThrow(/413|large/i)
})
