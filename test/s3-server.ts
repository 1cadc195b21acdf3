// Starts a real S3 server for a test: SeaweedFS, with its files in a temporary folder.
import { execFileSync, spawn } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3'
import { freePort } from './dev-server'
import { temporaryFolder } from './tiny-folder'

export interface S3Server {
  /** Environment variables that point the AWS SDK to the server. */
  env: Record<string, string>
  /** Creates a bucket. @returns its URI */
  newBucket(): Promise<string>
  close(): Promise<void>
}

const KEYS = { accessKeyId: 'tester', secretAccessKey: 'secret-of-the-tester' }

export async function startS3Server(): Promise<S3Server> {
  const weed = execFileSync(process.execPath, [join(__dirname, '..', 'setup', 's3-server.mjs')], { encoding: 'utf8' })
  const folder = temporaryFolder()
  const config = join(folder, 's3.json')
  writeFileSync(
    config,
    JSON.stringify({
      identities: [
        {
          name: 'tester',
          credentials: [{ accessKey: KEYS.accessKeyId, secretKey: KEYS.secretAccessKey }],
          actions: ['Admin'],
        },
      ],
    }),
  )
  const [s3, master, volume, filer] = [await freePort(), await freePort(), await freePort(), await freePort()]
  const grpc = async () => `${await freePort()}`
  const server = spawn(
    weed,
    [
      'server',
      `-dir=${folder}`,
      '-ip=127.0.0.1',
      '-ip.bind=127.0.0.1',
      '-volume.max=100',
      '-master.volumeSizeLimitMB=64',
      '-filer',
      '-s3',
      `-s3.config=${config}`,
      `-master.port=${master}`,
      `-master.port.grpc=${await grpc()}`,
      `-volume.port=${volume}`,
      `-volume.port.grpc=${await grpc()}`,
      `-filer.port=${filer}`,
      `-filer.port.grpc=${await grpc()}`,
      `-s3.port=${s3}`,
      `-s3.port.grpc=${await grpc()}`,
      '-s3.port.iceberg=0',
      '-s3.port.lance=0',
    ],
    { stdio: 'ignore', env: { ...process.env, HOME: folder } },
  )
  const env = {
    AWS_ENDPOINT_URL_S3: `http://127.0.0.1:${s3}`,
    AWS_ACCESS_KEY_ID: KEYS.accessKeyId,
    AWS_SECRET_ACCESS_KEY: KEYS.secretAccessKey,
    AWS_REGION: 'us-east-1',
  }
  const client = new S3Client({
    endpoint: env.AWS_ENDPOINT_URL_S3,
    region: env.AWS_REGION,
    forcePathStyle: true,
    credentials: KEYS,
    maxAttempts: 1,
  })
  let buckets = 0
  const newBucket = async () => {
    const name = `bucket-${++buckets}`
    for (let tries = 0; ; tries++) {
      try {
        await client.send(new CreateBucketCommand({ Bucket: name }))
        return `s3://${name}`
      } catch (error) {
        if (tries === 120) throw error
        await new Promise((done) => setTimeout(done, 250))
      }
    }
  }
  await newBucket() // succeeds once the server is up
  return {
    env,
    newBucket,
    async close() {
      client.destroy()
      const ended = new Promise((done) => server.once('close', done))
      server.kill('SIGKILL')
      await ended
    },
  }
}
