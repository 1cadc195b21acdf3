// Downloads one file of a dataset repository of the Hugging Face Hub into the cache.
import { createWriteStream, existsSync, mkdirSync, renameSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { ReadableStream } from 'node:stream/web'
import { datasetInfo, downloadFile } from '@huggingface/hub'
import { InvalidInput } from '../contracts/parse'
import { cacheFolder } from '../cache-folder'
import { access, said } from './access'
import { downloadOnce } from './once'
import { checkedCommit, isCommit, unresolved } from './models'

const FORM = /^hf:datasets\/([\w.-]+\/[\w.-]+?)(?:@([\w.-]+))?\/((?:[\w.-]+\/)*[\w.-]+)$/

interface DatasetFile {
  /** owner/name */
  name: string
  /** A branch, a tag or a commit. */
  revision: string
  file: string
}

function parseDatasetPath(path: string): DatasetFile {
  const match = FORM.exec(path)
  if (!match || path.includes('..'))
    throw new InvalidInput(
      `data: field "data.path" got "${path}"; from the Hub it is hf:datasets/owner/name[@revision]/path/to/file`,
    )
  const [, name, revision = 'main', file] = match as unknown as [string, string, string | undefined, string]
  return { name, revision, file }
}

async function commitOf({ name, revision }: DatasetFile): Promise<string> {
  if (isCommit(revision)) return revision
  const { sha } = await datasetInfo({ name, revision, additionalFields: ['sha'], ...access() })
  return checkedCommit(sha)
}

/** The same path with the commit that its revision is now; a full commit id is taken without a request. */
export async function pinnedDatasetPath(path: string): Promise<string> {
  const dataset = parseDatasetPath(path)
  try {
    return `hf:datasets/${dataset.name}@${await commitOf(dataset)}/${dataset.file}`
  } catch (error) {
    throw unresolved(`data: cannot find the commit of ${path}`, error)
  }
}

async function fetchInto(target: string, { name, file }: DatasetFile, commit: string): Promise<void> {
  if (existsSync(target)) return
  const blob = await downloadFile({ repo: { type: 'dataset', name }, revision: commit, path: file, ...access() })
  if (!blob) throw new Error(`the repository has no file ${file}`)
  mkdirSync(dirname(target), { recursive: true })
  await pipeline(Readable.fromWeb(blob.stream() as ReadableStream), createWriteStream(`${target}.partial`))
  renameSync(`${target}.partial`, target)
}

/** @param path hf:datasets/owner/name[@revision]/path/to/file */
export async function downloadDatasetFile(path: string): Promise<string> {
  const dataset = parseDatasetPath(path)
  const { name, file } = dataset
  try {
    const commit = await commitOf(dataset)
    const target = join(cacheFolder(), 'hub', `datasets--${name.replace('/', '--')}`, commit, file)
    if (!existsSync(target)) await downloadOnce(target, path, () => fetchInto(target, dataset, commit))
    return target
  } catch (error) {
    throw new Error(
      `data: cannot download ${path}: ${said(error)}; check the name, the network and, for gated data, HF_TOKEN`,
      { cause: error },
    )
  }
}
