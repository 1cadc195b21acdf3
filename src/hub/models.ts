// Models from the Hugging Face Hub: only the files this runtime reads, each checked, and an interrupted download goes on where it was.
import { createWriteStream, existsSync, mkdirSync, renameSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { ReadableStream } from 'node:stream/web'
import { downloadFile, listFiles, modelInfo } from '@huggingface/hub'
import { fileDigest } from '../digest'
import { cacheFolder } from '../cache-folder'

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
  if (!match) throw new Error(`model: "${spec}" is not of the form hf:owner/name or hf:owner/name@revision`)
  return { name: match[1]!, revision: match[2] ?? 'main' }
}

/** It becomes part of a path. @throws when a hub names something else */
export function checkedCommit(sha: string): string {
  if (!/^[0-9a-f]{40,64}$/.test(sha)) throw new Error(`the hub names the commit ${JSON.stringify(sha)}, which is none`)
  return sha
}

/** The access token, if one is needed, comes from HF_TOKEN, another hub from HF_ENDPOINT. */
function access() {
  const { HF_ENDPOINT: hubUrl, HF_TOKEN: accessToken } = process.env
  return { ...(hubUrl && { hubUrl }), ...(accessToken && { accessToken }) }
}

/**
 * @param wanted names of the files to fetch: a repository may hold many more than a reader needs
 * @returns the folder, which is there only when all of its files are
 */
export async function downloadModel(
  { name, revision }: HubModel,
  wanted: RegExp,
  onBytes: OnBytes = () => {},
): Promise<string> {
  const folderOf = (commit: string) => join(cacheFolder(), 'hub', name.replace('/', '--'), commit)
  if (/^[0-9a-f]{40}$/.test(revision) && existsSync(folderOf(revision))) return folderOf(revision)
  const { sha } = await modelInfo({ name, revision, additionalFields: ['sha'], ...access() })
  const commit = checkedCommit(sha)
  const folder = folderOf(commit)
  if (existsSync(folder)) return folder
  const files = await filesOf(name, commit, wanted)
  const partial = `${folder}.partial`
  mkdirSync(partial, { recursive: true })
  const total = files.reduce((sum, { size }) => sum + size, 0)
  let before = 0
  for (const file of files) {
    await fetchFile(name, commit, file, join(partial, file.path), (bytes) => onBytes(before + bytes, total))
    before += file.size
  }
  renameSync(partial, folder)
  return folder
}

async function filesOf(name: string, commit: string, wanted: RegExp): Promise<HubFile[]> {
  const files: HubFile[] = []
  for await (const { type, path, size, lfs } of listFiles({ repo: name, revision: commit, ...access() })) {
    if (type === 'file' && wanted.test(path)) files.push({ path, size, sha256: lfs?.oid })
  }
  if (!files.some(({ path }) => path.endsWith('.safetensors')))
    throw new Error(`the repository holds no .safetensors file; choose one that does, or convert the weights`)
  return files
}

async function fetchFile(
  name: string,
  commit: string,
  { path, size, sha256 }: HubFile,
  target: string,
  onBytes: (done: number) => void,
): Promise<void> {
  if (existsSync(target)) return onBytes(size)
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
    throw new Error(
      `${path} arrived damaged (${found ? `SHA-256 ${found}, expected ${sha256}` : `another size than ${size} bytes`}); it was removed, try again`,
    )
  }
  renameSync(incomplete, target)
}
