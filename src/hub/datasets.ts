// Downloads one file of a dataset repository of the Hugging Face Hub into the cache.
import { createWriteStream, existsSync, mkdirSync, renameSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { ReadableStream } from 'node:stream/web'
import { datasetInfo, downloadFile } from '@huggingface/hub'
import { InvalidInput } from '../contracts/parse'
import { cacheFolder } from '../cache-folder'
import { checkedCommit } from './models'

const FORM = /^hf:datasets\/([\w.-]+\/[\w.-]+?)(?:@([\w.-]+))?\/((?:[\w.-]+\/)*[\w.-]+)$/

/** @param path hf:datasets/owner/name[@revision]/path/to/file */
export async function downloadDatasetFile(path: string): Promise<string> {
  const match = FORM.exec(path)
  if (!match || path.includes('..'))
    throw new InvalidInput(
      `data: field "data.path" got "${path}"; from the Hub it is hf:datasets/owner/name[@revision]/path/to/file`,
    )
  const [, name, revision = 'main', file] = match as unknown as [string, string, string | undefined, string]
  const { HF_ENDPOINT: hubUrl, HF_TOKEN: accessToken } = process.env
  const access = { ...(hubUrl && { hubUrl }), ...(accessToken && { accessToken }) }
  try {
    const { sha } = await datasetInfo({ name, revision, additionalFields: ['sha'], ...access })
    const commit = checkedCommit(sha)
    const target = join(cacheFolder(), 'hub', `datasets--${name.replace('/', '--')}`, commit, file)
    if (existsSync(target)) return target
    const blob = await downloadFile({ repo: { type: 'dataset', name }, revision: commit, path: file, ...access })
    if (!blob) throw new Error(`the repository has no file ${file}`)
    mkdirSync(dirname(target), { recursive: true })
    await pipeline(Readable.fromWeb(blob.stream() as ReadableStream), createWriteStream(`${target}.partial`))
    renameSync(`${target}.partial`, target)
    return target
  } catch (error) {
    throw new Error(
      `data: cannot download ${path}: ${(error as Error).message}; ` +
        'check the name, the network and, for gated data, HF_TOKEN',
      { cause: error },
    )
  }
}
