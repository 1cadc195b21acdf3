// Makes the bucket that RLAIF_STORE names unless it exists, by a call signed with the key of the workers' environment.
// Waits for the server up to a minute. Can be run repeatedly.
import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3'

const TRIES = 60
const EXISTS = ['BucketAlreadyOwnedByYou', 'BucketAlreadyExists']

const [, bucket] = /^s3:\/\/([^/]+)/.exec(process.env.RLAIF_STORE ?? '') ?? []
if (!bucket) {
  console.error(`bucket: RLAIF_STORE is ${JSON.stringify(process.env.RLAIF_STORE)}; it must be s3://bucket/prefix`)
  process.exit(2)
}

const client = new S3Client({ forcePathStyle: true, maxAttempts: 1 })
/** A refusal (4xx) is an answer; anything else may be a server that is not up yet. */
const isFinal = ({ $metadata }) => $metadata?.httpStatusCode >= 400 && $metadata.httpStatusCode < 500

async function makeBucket(tries = TRIES) {
  try {
    await client.send(new CreateBucketCommand({ Bucket: bucket }))
  } catch (error) {
    if (EXISTS.includes(error.name)) return
    if (isFinal(error) || tries === 0) throw error
    await new Promise((done) => setTimeout(done, 1000))
    await makeBucket(tries - 1)
  }
}

makeBucket().catch((error) => {
  console.error(`bucket: cannot make ${bucket} at ${process.env.AWS_ENDPOINT_URL_S3}: ${error.name}`)
  process.exit(1)
})
