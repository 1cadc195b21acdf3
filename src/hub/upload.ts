// Uploads files to a repository of the Hugging Face Hub as one commit. What a repository has already is not sent again:
// an upload that was interrupted continues with the files that are missing.
import { createReadStream } from 'node:fs'
import { createHash } from 'node:crypto'
import { pathToFileURL } from 'node:url'
import { commitIter, createRepo, datasetInfo, listFiles, modelInfo, type CommitProgressEvent } from '@huggingface/hub'
import { InvalidInput } from '../contracts/parse'
import { fileDigest } from '../digest'
import { access, said } from './access'

export interface HubRepository {
  type: 'model' | 'dataset'
  /** owner/name */
  name: string
}

export interface LocalFile {
  /** In the repository. */
  path: string
  /** On this machine. */
  file: string
  bytes: number
}

/** What an upload does to a file. */
export type FileState = 'new' | 'changed' | 'unchanged'

/** A repository as it is; undefined where there is none, or none that the token may see. */
export interface Existing {
  isPrivate: boolean
  /** By path: the digest that the Hub knows a file by. */
  digests: ReadonlyMap<string, Digest>
}
/** SHA-256 of files in large-file storage, the Git object's ID of others. */
type Digest = { sha256: string } | { git: string }

const NONE_OR_HIDDEN = new Set([401, 403, 404])

/** @throws when the Hub does not answer */
export async function existingRepository(repository: HubRepository): Promise<Existing | undefined> {
  try {
    const { type, name } = repository
    const info = type === 'model' ? await modelInfo({ name, ...access() }) : await datasetInfo({ name, ...access() })
    return { isPrivate: info.private !== false, digests: await digestsIn(repository) }
  } catch (error) {
    if (NONE_OR_HIDDEN.has(statusOf(error))) return undefined
    throw new Error(`push: cannot look up ${repository.name}: ${said(error)}; check the network and HF_ENDPOINT`, {
      cause: error,
    })
  }
}

const statusOf = (error: unknown): number => (error as { statusCode?: number }).statusCode ?? 0

async function digestsIn(repository: HubRepository): Promise<Map<string, Digest>> {
  const digests = new Map<string, Digest>()
  try {
    for await (const { type, path, oid, lfs } of listFiles({ repo: repository, recursive: true, ...access() }))
      if (type === 'file' && (lfs ?? oid) !== undefined) digests.set(path, lfs ? { sha256: lfs.oid } : { git: oid! })
  } catch (error) {
    if (statusOf(error) !== 404) throw error // a repository without a file has no tree
  }
  return digests
}

/** The licence that the card of a model states, if it states one and the Hub answers. */
export async function licenceOf(name: string): Promise<string | undefined> {
  try {
    const { cardData } = await modelInfo({ name, additionalFields: ['cardData'], ...access() })
    const { license } = (cardData ?? {}) as { license?: unknown }
    return typeof license === 'string' ? license : undefined
  } catch {
    return undefined // the card says that none is stated
  }
}

/** What an upload would do to a file of the repository. */
export async function stateOf({ path, file, bytes }: LocalFile, existing: Existing | undefined): Promise<FileState> {
  const there = existing?.digests.get(path)
  if (!there) return 'new'
  const isSame =
    'sha256' in there ? there.sha256 === (await fileDigest(file)) : there.git === (await gitId(file, bytes))
  return isSame ? 'unchanged' : 'changed'
}

/** The ID that Git gives the content of a file. */
async function gitId(file: string, bytes: number): Promise<string> {
  const hash = createHash('sha1').update(`blob ${bytes}\0`)
  for await (const chunk of createReadStream(file)) hash.update(chunk as Buffer)
  return hash.digest('hex')
}

interface Upload {
  repository: HubRepository
  files: readonly LocalFile[]
  title: string
  /** Where there is no repository yet: whether the new one is private. */
  isPrivate: boolean
  /** Whether the repository is there. */
  exists: boolean
  onFile?: (path: string, share: number) => void
}

/**
 * Creates the repository if there is none, and commits the files to its main branch.
 * @returns the address of the commit
 * @throws what the Hub says, with the remedy; HF_TOKEN must be set
 */
export async function uploadFiles(upload: Upload): Promise<string> {
  const { repository, isPrivate, exists } = upload
  const { accessToken, ...rest } = access()
  if (accessToken === undefined)
    throw new InvalidInput('push: HF_TOKEN is not set; set it to a token of the Hub that may write to the repository')
  try {
    if (!exists)
      await createRepo({
        repo: repository,
        visibility: isPrivate ? 'private' : 'public',
        accessToken,
        ...rest,
      })
    return await committed(upload)
  } catch (error) {
    throw new Error(
      `push: cannot upload to ${repository.name}: ${said(error)}; check that HF_TOKEN may write there and the network, ` +
        'and push again: files that have arrived are not sent again',
      { cause: error },
    )
  }
}

async function committed({ repository, files, title, onFile }: Upload): Promise<string> {
  const operations = files.map(({ path, file }) => ({
    operation: 'addOrUpdate' as const,
    path,
    content: pathToFileURL(file),
  }))
  const steps = commitIter({ repo: repository, operations, title, ...access() })
  for (;;) {
    const { done, value } = await steps.next()
    if (done) return value?.commit.url ?? ''
    tell(value, onFile)
  }
}

function tell(event: CommitProgressEvent, onFile: Upload['onFile']): void {
  if (event.event !== 'fileProgress') return
  if (event.state === 'error') throw new Error(`${event.path} did not arrive`)
  if (event.state === 'uploading') onFile?.(event.path, event.progress)
}
