// A bucket of an S3 server, below a prefix: what the store needs of it. Keys here are relative to the prefix.
//
// Where, and by which credentials, the AWS SDK finds out as every tool of AWS does: AWS_REGION, AWS_ACCESS_KEY_ID, AWS_PROFILE, the
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

/** Of a multipart upload: 10,000 of them bound a file at 160 GB, and four in flight bound the memory. */
const PART_BYTES = 16 * 1024 ** 2
const PARTS_AT_ONCE = 4
/** With growing pauses, some half a minute; after that the stage's own retries go on. */
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
  /** A small object, or undefined where there is none. */
  read(key: string): Promise<SmallObject | undefined>
  /** @returns its tag, or undefined when the condition does not hold */
  write(key: string, text: string, condition?: Condition): Promise<string | undefined>
  /** The tag of an object, or undefined where there is none. */
  tagOf(key: string): Promise<string | undefined>
  upload(key: string, file: string): Promise<void>
  download(key: string, file: string): Promise<void>
  list(prefix: string): Promise<ObjectInfo[]>
  remove(keys: readonly string[]): Promise<void>
}

const URI = /^s3:\/\/([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])((?:\/[\w.-]+)*)\/?$/

/** @param uri s3://bucket or s3://bucket/prefix @throws InvalidInput */
export function openBucket(uri: string): Bucket {
  const [, name, path] = URI.exec(uri) ?? []
  if (name === undefined || path === undefined || path.split('/').includes('..'))
    throw new InvalidInput(`artifacts: "${uri}" is no place for a store; it wants s3://bucket or s3://bucket/prefix`)
  const client = newClient()
  const at = (key: string) => ({ Bucket: name, Key: `${path.slice(1)}${path && '/'}${key}` })
  const relative = (key: string) => key.slice(at('').Key.length)

  /** @returns undefined where one of the names of `allowed` is what the server says */
  async function asked<T>(what: string, ask: () => Promise<T>, ...allowed: string[]): Promise<T | undefined> {
    try {
      return await ask()
    } catch (error) {
      if (allowed.includes((error as Error).name)) return undefined
      throw explained(error, what, uri)
    }
  }

  return {
    uri: `s3://${name}${path}`,

    async read(key) {
      return asked(
        `read ${key}`,
        async () => {
          const { Body, ETag, LastModified } = await client.send(new GetObjectCommand(at(key)))
          return { text: await Body!.transformToString(), tag: ETag!, modified: LastModified ?? new Date(0) }
        },
        'NoSuchKey',
      )
    },

    async write(key, text, condition) {
      const only =
        condition === undefined ? {} : condition === 'absent' ? { IfNoneMatch: '*' } : { IfMatch: condition.tag }
      const made = await asked(
        `write ${key}`,
        () => client.send(new PutObjectCommand({ ...at(key), Body: text, ContentType: 'application/json', ...only })),
        'PreconditionFailed',
        'ConditionalRequestConflict',
        ...(condition === undefined ? [] : ['NoSuchKey']),
      )
      return made?.ETag
    },

    async tagOf(key) {
      return (await asked(`look at ${key}`, () => client.send(new HeadObjectCommand(at(key))), 'NotFound', 'NoSuchKey'))
        ?.ETag
    },

    async upload(key, file) {
      const { size } = await stat(file)
      await asked<unknown>(`write ${key}`, async () =>
        size <= PART_BYTES
          ? client.send(new PutObjectCommand({ ...at(key), Body: await readFile(file), ContentLength: size }))
          : new Upload({
              client,
              params: { ...at(key), Body: createReadStream(file) },
              partSize: PART_BYTES,
              queueSize: PARTS_AT_ONCE,
            }).done(),
      )
    },

    async download(key, file) {
      await mkdir(dirname(file), { recursive: true })
      await asked(`read ${key}`, async () => {
        const { Body } = await client.send(new GetObjectCommand(at(key)))
        await pipeline(Body as Readable, createWriteStream(file))
      })
    },

    async list(prefix) {
      const found: ObjectInfo[] = []
      for (let next: string | undefined, more = true; more;) {
        const page = await asked(`list ${prefix}`, () =>
          client.send(
            new ListObjectsV2Command({
              Bucket: name,
              Prefix: at(prefix).Key,
              ...(next && { ContinuationToken: next }),
            }),
          ),
        )
        for (const { Key, Size, LastModified } of page?.Contents ?? [])
          found.push({ key: relative(Key!), bytes: Size ?? 0, modified: LastModified ?? new Date(0) })
        next = page?.NextContinuationToken
        more = next !== undefined
      }
      return found
    },

    async remove(keys) {
      for (let from = 0; from < keys.length; from += DELETED_AT_ONCE) {
        const Objects = keys.slice(from, from + DELETED_AT_ONCE).map((key) => ({ Key: at(key).Key }))
        const result = await asked('remove objects', () =>
          client.send(new DeleteObjectsCommand({ Bucket: name, Delete: { Objects, Quiet: true } })),
        )
        const [failed] = result?.Errors ?? []
        if (failed)
          throw new Error(`artifacts: ${uri}: ${failed.Key} cannot be removed: ${failed.Code} ${failed.Message}`)
      }
    },
  }
}

/** A server that is not Amazon's is asked by path: bucket names are no host names there. */
function newClient(): S3Client {
  const elsewhere = Boolean(process.env.AWS_ENDPOINT_URL_S3 || process.env.AWS_ENDPOINT_URL)
  return new S3Client({
    maxAttempts: TRIES,
    requestHandler: { connectionTimeout: 5_000, requestTimeout: 60_000, throwOnRequestTimeout: true },
    ...(elsewhere && { forcePathStyle: true, region: process.env.AWS_REGION || 'us-east-1' }),
  })
}

/** What a person has to mend, told as such: no further attempt would help. */
const REMEDIES: Record<string, string> = {
  NoSuchBucket: 'there is no such bucket; make it, or correct RLAIF_STORE',
  AccessDenied:
    'these credentials may not do this; grant s3:GetObject, s3:PutObject, s3:DeleteObject and s3:ListBucket',
  InvalidAccessKeyId: 'the server does not know this access key; see AWS_ACCESS_KEY_ID of the worker',
  SignatureDoesNotMatch: 'the secret key is wrong; see AWS_SECRET_ACCESS_KEY of the worker',
  CredentialsProviderError:
    'no credentials were found; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, AWS_PROFILE, or give the machine a role',
}

function explained(error: unknown, what: string, uri: string): Error {
  const { name, message, $metadata } = error as Error & { $metadata?: { httpStatusCode?: number } }
  const remedy =
    REMEDIES[name] ??
    (message === 'Region is missing' ? 'set AWS_REGION to where the bucket is' : undefined) ??
    ($metadata?.httpStatusCode === 403 ? REMEDIES.AccessDenied : undefined)
  if (remedy !== undefined) return new InvalidInput(`artifacts: ${uri}: cannot ${what} (${name}): ${remedy}`)
  return new Error(`artifacts: ${uri}: cannot ${what}: ${name}: ${message}`, { cause: error })
}
