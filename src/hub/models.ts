// Models from the Hugging Face Hub: only the files this runtime reads, each verified. An interrupted download resumes
// where it stopped.
import {
  createWriteStream,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { ReadableStream } from 'node:stream/web'
import { downloadFile, listFiles, modelInfo } from '@huggingface/hub'
import { fileDigest } from '../digest'
import { cacheFolder } from '../cache-folder'
import { access, said } from './access'
import { downloadOnce } from './once'

export interface HubModel {
  /** owner/name */
  name: string
  /** A branch, a tag or a commit. */
  revision: string
}
export type OnBytes = (done: number, total: number) => void

interface HubFile {
  path: string
  size: number
  /** SHA-256 of large files; small ones have none. */
  sha256: string | undefined
}

/** `hf:owner/name[@revision]` */
export function parseHubName(spec: string): HubModel {
  const match = /^hf:([\w.-]+\/[\w.-]+)(?:@([\w./-]+))?$/.exec(spec)
  if (!match || spec.includes('..'))
    throw new Error(`model: "${spec}" is not of the form hf:owner/name or hf:owner/name@revision`)
  return { name: match[1]!, revision: match[2] ?? 'main' }
}

/** A commit id becomes part of a path. @throws when the hub returns anything else */
export function checkedCommit(sha: string): string {
  if (!/^[0-9a-f]{40,64}$/.test(sha))
    throw new Error(`the hub returned ${JSON.stringify(sha)}, which is not a commit id`)
  return sha
}

/** Whether a revision names its content for ever, as branches and tags do not. */
export const isCommit = (revision: string): boolean => /^[0-9a-f]{40}$/.test(revision)

/** A branch that cannot be looked up is never taken to be where it was. */
export const unresolved = (what: string, cause: unknown): Error =>
  new Error(
    `${what} now: ${said(cause)}; check the name, the network and, for gated repositories, HF_TOKEN, ` +
      'or name a full commit id, which needs no look-up',
    { cause },
  )

/** The commit that a revision is now; that of a full commit id is itself, without a request. */
export async function modelCommit({ name, revision }: HubModel): Promise<string> {
  if (isCommit(revision)) return revision
  const { sha } = await modelInfo({ name, revision, additionalFields: ['sha'], ...access() })
  return checkedCommit(sha)
}

/**
 * @param wanted matches the names of the files to download: a repository may have many more. What an earlier version
 *   did not want is fetched into its folder
 * @returns the folder, which exists only when all of its files do
 */
export async function downloadModel(
  { name, revision }: HubModel,
  wanted: RegExp,
  onBytes: OnBytes = () => {},
): Promise<string> {
  const commit = await modelCommit({ name, revision })
  const folder = join(cacheFolder(), 'hub', name.replace('/', '--'), commit)
  const downloaded = `${folder}.wanted`
  const isComplete = () =>
    existsSync(folder) && existsSync(downloaded) && readFileSync(downloaded, 'utf8') === wanted.source
  if (!isComplete())
    await downloadOnce(folder, `hf:${name}`, async () => {
      if (!isComplete()) await fetchFolder({ name, commit }, folder, wanted, onBytes)
      writeFileSync(downloaded, wanted.source)
    })
  return folder
}

/** Fetches the files of a repository that are not there yet. */
async function fetchFolder(
  { name, commit }: { name: string; commit: string },
  folder: string,
  wanted: RegExp,
  onBytes: OnBytes,
): Promise<void> {
  const files = await filesOf(name, commit, wanted)
  const partial = existsSync(folder) ? folder : `${folder}.partial`
  mkdirSync(partial, { recursive: true })
  const total = files.reduce((sum, { size }) => sum + size, 0)
  let before = 0
  for (const file of files) {
    await fetchFile({ name, commit }, file, join(partial, file.path), (bytes) => onBytes(before + bytes, total))
    before += file.size
  }
  if (partial !== folder) renameSync(partial, folder)
}

async function filesOf(name: string, commit: string, wanted: RegExp): Promise<HubFile[]> {
  const files: HubFile[] = []
  const all = listFiles({ repo: name, revision: commit, recursive: true, ...access() })
  for await (const { type, path, size, lfs } of all) {
    if (type === 'file' && wanted.test(path)) files.push({ path, size, sha256: lfs?.oid })
  }
  if (!files.some(({ path }) => path.endsWith('.safetensors')))
    throw new Error('the repository has no .safetensors file; choose one that has, or convert the weights')
  return files
}

async function fetchFile(
  { name, commit }: { name: string; commit: string },
  { path, size, sha256 }: HubFile,
  target: string,
  onBytes: (done: number) => void,
): Promise<void> {
  if (existsSync(target)) return onBytes(size)
  mkdirSync(dirname(target), { recursive: true })
  const incomplete = `${target}.incomplete`
  let done = existsSync(incomplete) ? statSync(incomplete).size : 0
  const blob = await downloadFile({ repo: name, revision: commit, path, ...access() })
  if (!blob) throw new Error(`${path} is listed but cannot be downloaded`)
  const rest = Readable.fromWeb(blob.slice(done, blob.size).stream() as ReadableStream)
  rest.on('data', (chunk: Buffer) => onBytes((done += chunk.length)))
  await pipeline(rest, createWriteStream(incomplete, { flags: done > 0 ? 'a' : 'w' }))
  const found = sha256 && (await fileDigest(incomplete))
  if (statSync(incomplete).size !== size || found !== sha256) {
    rmSync(incomplete)
    const difference = found ? `SHA-256 ${found}, expected ${sha256}` : `its size is not ${size} bytes`
    throw new Error(`${path} arrived damaged (${difference}); it was removed, try again`)
  }
  renameSync(incomplete, target)
}
