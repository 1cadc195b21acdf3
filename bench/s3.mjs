// A real S3 server for a bench, behind a door that counts the bytes that are sent to it.
import { execFileSync, spawn } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { connect, createServer } from 'node:net'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const require = createRequire(import.meta.url)
const { CreateBucketCommand, ListObjectsV2Command, S3Client } = require('@aws-sdk/client-s3')
const { freePort } = require('../chaos/free-port.cjs')
const KEYS = { accessKeyId: 'bench', secretAccessKey: 'secret-of-the-bench' }

/** Passes connections on to a port of this machine. @returns its own port, and the bytes that came in */
async function openDoor(port) {
  const counted = { bytes: 0 }
  const server = createServer((incoming) => {
    const inner = connect(port, '127.0.0.1')
    incoming.on('data', (chunk) => (counted.bytes += chunk.length))
    incoming.pipe(inner).pipe(incoming)
    for (const socket of [incoming, inner]) socket.on('error', () => [incoming, inner].forEach((one) => one.destroy()))
  })
  await new Promise((done) => server.listen(0, '127.0.0.1', done))
  return { port: server.address().port, counted, close: () => server.close() }
}

/** @returns variables that point the AWS SDK and rlaif to a new bucket, and what was sent and is stored */
export async function openS3(folder) {
  const weed = execFileSync(
    process.execPath,
    [fileURLToPath(new URL('../setup/s3-server.mjs', import.meta.url))],
    { encoding: 'utf8' }, // its path
  )
  mkdirSync(folder, { recursive: true })
  const config = join(folder, 's3.json')
  const credentials = [{ accessKey: KEYS.accessKeyId, secretKey: KEYS.secretAccessKey }]
  writeFileSync(config, JSON.stringify({ identities: [{ name: 'bench', credentials, actions: ['Admin'] }] }))
  const ports = {}
  for (const name of ['s3', 'master', 'volume', 'filer']) ports[name] = [await freePort(), await freePort()]
  const portFlags = Object.entries(ports).flatMap(([name, [port, grpc]]) => [
    `-${name}.port=${port}`,
    `-${name}.port.grpc=${grpc}`,
  ])
  const flags = [
    '-ip=127.0.0.1',
    '-ip.bind=127.0.0.1',
    '-volume.max=100',
    '-master.volumeSizeLimitMB=64',
    '-filer',
    '-s3',
  ]
  const server = spawn(
    weed,
    [
      'server',
      `-dir=${folder}`,
      ...flags,
      `-s3.config=${config}`,
      ...portFlags,
      '-s3.port.iceberg=0',
      '-s3.port.lance=0',
    ],
    { stdio: 'ignore', env: { ...process.env, HOME: folder } },
  )
  const door = await openDoor(ports.s3[0])
  const endpoint = `http://127.0.0.1:${ports.s3[0]}`
  const client = new S3Client({
    endpoint,
    region: 'us-east-1',
    forcePathStyle: true,
    credentials: KEYS,
    maxAttempts: 1,
  })
  for (let tries = 0; ; tries++)
    try {
      await client.send(new CreateBucketCommand({ Bucket: 'bench' }))
      break
    } catch (error) {
      if (tries === 120) throw error
      await new Promise((done) => setTimeout(done, 500))
    }
  return {
    env: {
      RLAIF_STORE: 's3://bench/store',
      AWS_ENDPOINT_URL_S3: `http://127.0.0.1:${door.port}`,
      AWS_ACCESS_KEY_ID: KEYS.accessKeyId,
      AWS_SECRET_ACCESS_KEY: KEYS.secretAccessKey,
      AWS_REGION: 'us-east-1',
    },
    sent: () => door.counted.bytes,
    /** Bytes of the objects whose key begins so. */
    async stored(prefix) {
      let bytes = 0
      for (let token; ;) {
        const page = await client.send(
          new ListObjectsV2Command({ Bucket: 'bench', Prefix: `store/${prefix}`, ContinuationToken: token }),
        )
        for (const { Size } of page.Contents ?? []) bytes += Size
        if (!page.IsTruncated) return bytes
        token = page.NextContinuationToken
      }
    },
    close() {
      door.close()
      server.kill('SIGKILL')
    },
  }
}
