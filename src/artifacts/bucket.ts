// A bucket of an S3 server, below a prefix: what the store needs of it. Keys here are relative to the prefix.
//
// Region and credentials come from where every AWS tool reads them: AWS_REGION, AWS_ACCESS_KEY_ID, AWS_PROFILE, the
// machine's role, …; AWS_ENDPOINT_URL_S3 or AWS_ENDPOINT_URL names a server that is not Amazon's.
import { createReadStream, createWriteStream } from 'node:fs'
import { mkdir, readFile, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import {
  DeleteObjectsCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3'
import { Upload } from '@aws-sdk/lib-storage'
import { InvalidInput } from '../contracts/parse'
import { openAgents } from '../http-agents'

/** One part of a multipart upload: 10,000 of them limit a file to 160 GB, and four in flight limit the memory. */
const PART_BYTES = 16 * 1024 ** 2
const PARTS_AT_ONCE = 4
/** With growing pauses, about half a minute; after that it is left to the retries of the stage. */
const TRIES = 7
const DELETED_AT_ONCE = 1000

export interface ObjectInfo {
  key: string
  bytes: number
  /** By the server's clock. */
  modified: Date
}

/** What an object must be for it to be written: absent, or still the one with this tag. */
export type Condition = 'absent' | { tag: string }

export interface SmallObject {
  text: string
  tag: string
  modified: Date
}

export interface Bucket {
  /** s3://bucket/prefix, without a slash at its end. */
  uri: string
  /** A small object, or undefined if there is none. */
  read(key: string): Promise<SmallObject | undefined>
  /** @returns its tag, or undefined when the condition does not hold */
  write(key: string, text: string, condition?: Condition): Promise<string | undefined>
  /** The tag of an object, or undefined if there is none. */
  tagOf(key: string): Promise<string | undefined>
  upload(key: string, file: string): Promise<void>
  download(key: string, file: string): Promise<void>
  /** @param where 'directly below': not what is below a further slash */
  list(prefix: string, where?: 'directly below'): Promise<ObjectInfo[]>
  remove(keys: readonly string[]): Promise<void>
}

const URI = /^s3:\/\/([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])((?:\/[\w.-]+)*)\/?$/

/** @param uri s3://bucket or s3://bucket/prefix @throws InvalidInput */
export function openBucket(uri: string): Bucket {
  const location = locate(uri)
  return {
    uri: `s3://${location.bucket}${location.path}`,
    read: (key) => readObject(location, key),
    write: (key, text, condition) => writeObject(location, key, text, condition),
    tagOf: (key) => tagOfObject(location, key),
    upload: (key, file) => uploadFile(location, key, file),
    download: (key, file) => downloadObject(location, key, file),
    list: (prefix, where) => listObjects(location, prefix, where),
    remove: (keys) => removeObjects(location, keys),
  }
}

interface Location {
  client: S3Client
  bucket: string
  /** Empty, or a slash and the prefix. */
  path: string
  /** As it was given, for messages. */
  uri: string
}

function locate(uri: string): Location {
  const [, bucket, path] = URI.exec(uri) ?? []
  if (bucket === undefined || path === undefined || path.split('/').includes('..'))
    throw new InvalidInput(
      `artifacts: "${uri}" is not the URI of a store; it must be s3://bucket or s3://bucket/prefix`,
    )
  return { client: newClient(), bucket, path, uri }
}

/** An object as the SDK's commands name it. */
const objectAt = ({ bucket, path }: Location, key: string) => ({
  Bucket: bucket,
  Key: `${path.slice(1)}${path && '/'}${key}`,
})

interface Request<T> {
  location: Location
  /** What is attempted, for messages: "cannot …". */
  action: string
  send(client: S3Client): Promise<T>
  /** Names of errors that are an answer, not a failure. */
  expected?: readonly string[]
}

/** @returns undefined when the server answers with an expected error */
async function request<T>({ location, action, send, expected = [] }: Request<T>): Promise<T | undefined> {
  try {
    return await send(location.client)
  } catch (error) {
    if (expected.includes((error as Error).name)) return undefined
    throw explainError(error, action, location.uri)
  }
}

const readObject = (location: Location, key: string): Promise<SmallObject | undefined> =>
  request({
    location,
    action: `read ${key}`,
    async send(client) {
      const { Body, ETag, LastModified } = await client.send(new GetObjectCommand(objectAt(location, key)))
      return { text: await Body!.transformToString(), tag: ETag!, modified: LastModified ?? new Date(0) }
    },
    expected: ['NoSuchKey'],
  })

async function writeObject(
  location: Location,
  key: string,
  text: string,
  condition?: Condition,
): Promise<string | undefined> {
  const only = condition === undefined ? {} : condition === 'absent' ? { IfNoneMatch: '*' } : { IfMatch: condition.tag }
  const object = { ...objectAt(location, key), Body: text, ContentType: 'application/json', ...only }
  const written = await request({
    location,
    action: `write ${key}`,
    send: (client) => client.send(new PutObjectCommand(object)),
    expected: ['PreconditionFailed', 'ConditionalRequestConflict', ...(condition === undefined ? [] : ['NoSuchKey'])],
  })
  return written?.ETag
}

async function tagOfObject(location: Location, key: string): Promise<string | undefined> {
  const head = await request({
    location,
    action: `look up ${key}`,
    send: (client) => client.send(new HeadObjectCommand(objectAt(location, key))),
    expected: ['NotFound', 'NoSuchKey'],
  })
  return head?.ETag
}

async function uploadFile(location: Location, key: string, file: string): Promise<void> {
  const { size } = await stat(file)
  const object = objectAt(location, key)
  await request<unknown>({
    location,
    action: `write ${key}`,
    send: async (client) =>
      size <= PART_BYTES
        ? client.send(new PutObjectCommand({ ...object, Body: await readFile(file), ContentLength: size }))
        : new Upload({
            client,
            params: { ...object, Body: createReadStream(file) },
            partSize: PART_BYTES,
            queueSize: PARTS_AT_ONCE,
          }).done(),
  })
}

async function downloadObject(location: Location, key: string, file: string): Promise<void> {
  await mkdir(dirname(file), { recursive: true })
  await request({
    location,
    action: `read ${key}`,
    async send(client) {
      const { Body } = await client.send(new GetObjectCommand(objectAt(location, key)))
      await pipeline(Body as Readable, createWriteStream(file))
    },
  })
}

async function listObjects(location: Location, prefix: string, where?: 'directly below'): Promise<ObjectInfo[]> {
  const { Bucket, Key: Prefix } = objectAt(location, prefix)
  const prefixLength = objectAt(location, '').Key.length
  const found: ObjectInfo[] = []
  for (let next: string | undefined, more = true; more;) {
    const options = {
      ...(next !== undefined && { ContinuationToken: next }),
      ...(where !== undefined && { Delimiter: '/' }),
    }
    const page = await request({
      location,
      action: `list ${prefix}`,
      send: (client) => client.send(new ListObjectsV2Command({ Bucket, Prefix, ...options })),
    })
    for (const { Key, Size, LastModified } of page?.Contents ?? [])
      found.push({ key: Key!.slice(prefixLength), bytes: Size ?? 0, modified: LastModified ?? new Date(0) })
    next = page?.NextContinuationToken
    more = next !== undefined
  }
  return found
}

async function removeObjects(location: Location, keys: readonly string[]): Promise<void> {
  for (let from = 0; from < keys.length; from += DELETED_AT_ONCE) {
    const Objects = keys.slice(from, from + DELETED_AT_ONCE).map((key) => ({ Key: objectAt(location, key).Key }))
    const result = await request({
      location,
      action: 'remove objects',
      send: (client) =>
        client.send(new DeleteObjectsCommand({ Bucket: location.bucket, Delete: { Objects, Quiet: true } })),
    })
    const [failed] = result?.Errors ?? []
    if (failed)
      throw new Error(`artifacts: ${location.uri}: cannot remove ${failed.Key}: ${failed.Code} ${failed.Message}`)
  }
}

/** A server that is not Amazon's is addressed by path: bucket names are not host names there. */
function newClient(): S3Client {
  const isCustomServer = Boolean(process.env.AWS_ENDPOINT_URL_S3 || process.env.AWS_ENDPOINT_URL)
  const agents = openAgents({ maxSockets: 50 }) // as many as the SDK's own
  return new S3Client({
    maxAttempts: TRIES,
    requestHandler: {
      ...{ connectionTimeout: 5_000, requestTimeout: 60_000, throwOnRequestTimeout: true },
      ...{ httpAgent: agents['http:'], httpsAgent: agents['https:'] },
    },
    ...(isCustomServer && { forcePathStyle: true, region: process.env.AWS_REGION || 'us-east-1' }),
  })
}

/** Errors that a person has to fix: no further attempt would help. */
const REMEDIES: Record<string, string> = {
  NoSuchBucket: 'the bucket does not exist; create it, or correct RLAIF_STORE',
  AccessDenied:
    'these credentials lack a permission; grant s3:GetObject, s3:PutObject, s3:DeleteObject and s3:ListBucket',
  InvalidAccessKeyId: 'the server does not know this access key; check AWS_ACCESS_KEY_ID of the worker',
  SignatureDoesNotMatch: 'the secret key is wrong; check AWS_SECRET_ACCESS_KEY of the worker',
  CredentialsProviderError:
    'no credentials were found; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE, ' +
    'or assign the machine a role',
}

function explainError(error: unknown, action: string, uri: string): Error {
  const { name, message, $metadata } = error as Error & { $metadata?: { httpStatusCode?: number } }
  const remedy =
    REMEDIES[name] ??
    (message === 'Region is missing' ? 'set AWS_REGION to the region of the bucket' : undefined) ??
    ($metadata?.httpStatusCode === 403 ? REMEDIES.AccessDenied : undefined)
  if (remedy !== undefined) return new InvalidInput(`artifacts: ${uri}: cannot ${action} (${name}): ${remedy}`)
  return new Error(`artifacts: ${uri}: cannot ${action}: ${name}: ${message}`, { cause: error })
}
