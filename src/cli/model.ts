// `rlaif model`: importing and downloading models, and policies as whole model folders.
import { cpSync, existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { z } from 'zod'
import { openStore } from '../artifacts/open-store'
import type { ArtifactStore } from '../artifacts/store'
import { artifactSchema, isArtifactUri, isPolicyUri } from '../contracts/artifact'
import { InvalidInput } from '../contracts/parse'
import type { Reference } from '../model/adapter-base'
import type { WrittenDtype } from '../model/safetensors'
import { homeFolder } from '../workers/home'
import { worldModels } from '../world/named'
import { withConnection, type Connected } from '../runs/connection'
import { existingRun } from '../runs/existing-run'
import { madeWhole } from './made-whole'
import { formatNumber } from '../number-format'

const megabytes = (bytes: number) => formatNumber(bytes / 1e6, 0)

function showBytes(done: number, total: number): void {
  if (process.stderr.isTTY)
    process.stderr.write(`\rdownloading ${megabytes(done)} of ${megabytes(total)} MB${done === total ? '\n' : ''}`)
}

/** Finds, imports or downloads `spec`; with `folder`, copies it there. @returns the model's folder */
export async function importModel(spec: string, folder?: string): Promise<string> {
  if (folder !== undefined && existsSync(folder))
    throw new InvalidInput(`model: ${resolve(folder)} already exists; name a new folder`)
  const { locateModel } = await import('../model/locate.js')
  const { checkModelFolder } = await import('../model/folder.js')
  const found = await locateModel(spec, { onBytes: showBytes, made: worldModels })
  checkModelFolder(found)
  if (folder === undefined) return found
  await madeWhole(folder, (staging) => cpSync(found, staging, { recursive: true, dereference: true }))
  return resolve(folder)
}

export const DTYPES = ['float32', 'bfloat16', 'float16'] as const
export type Dtype = (typeof DTYPES)[number]

/**
 * Writes a policy as a whole model folder, with its adapters merged in.
 * @param given id of a run that has ended, or URI of a policy in the store
 * @param folder a new one
 * @param dtype of the weights; default: that of the model that training started from
 * @returns the folder
 */
export async function exportPolicy(given: string, folder: string, dtype?: Dtype): Promise<string> {
  if (existsSync(folder)) throw new InvalidInput(`model: ${resolve(folder)} already exists; name a new folder`)
  const uri = isArtifactUri(given) ? given : await withConnection((connection) => policyOfRun(connection, given))
  const store = await openStore(homeFolder())
  return writeWhole(await store.describe(uri), folder, { store, dtype })
}

interface Whole {
  store: ArtifactStore
  dtype?: Dtype | undefined
  /** For a reward model: the configuration with which transformers loads its score head. */
  configOf?: (raw: Record<string, unknown>) => Record<string, unknown>
}

/** Writes a model of the store as a whole folder, with its adapters merged in. @param folder a new one */
export async function writeWhole(
  artifact: Reference,
  folder: string,
  { store, dtype, configOf = (raw) => raw }: Whole,
): Promise<string> {
  const { policyFolders, withAdapters } = await import('../model/policy.js')
  const { loadModel, saveModel, DTYPE_NAMES } = await import('../model/weights.js')
  const { storedDtype } = await import('../model/folder.js')
  const open = async (reference: Reference) => (await store.open(reference)).folder
  showStep('reading')
  const { folder: base, adapters } = await policyFolders(artifact, open)
  const merged = withAdapters(loadModel(base), adapters)
  const model = { ...merged, config: { ...merged.config, raw: configOf(merged.config.raw) } }
  const written = (Object.keys(DTYPE_NAMES) as WrittenDtype[]).find((name) => DTYPE_NAMES[name] === dtype)
  const ofBase = storedDtype(base)
  showStep('writing')
  const dtypeWritten = written ?? (ofBase === 'F64' ? 'F32' : ofBase)
  await madeWhole(folder, (staging) => saveModel(model, staging, base, { dtype: dtypeWritten }))
  return resolve(folder)
}

const showStep = (step: string) => void (process.stderr.isTTY && process.stderr.write(`${step} …\n`))

/** The policy among the results of a run. @throws InvalidInput when it has none, or several */
export async function policyOfRun(connected: Connected, id: string): Promise<string> {
  const handle = await existingRun(connected, id)
  const { status } = await handle.describe()
  if (status.name !== 'COMPLETED')
    throw new InvalidInput(`model: the run "${id}" is ${status.name.toLowerCase()}; only a completed run has a policy`)
  const result: unknown = await handle.result()
  const policy = artifactSchema.safeParse((result as { policy?: unknown }).policy).data
  if (policy) return policy.uri
  const stage = artifactSchema.safeParse(result).data
  if (stage && isPolicyUri(stage.uri)) return stage.uri
  const policies = z.record(z.string(), artifactSchema).safeParse((result as { policies?: unknown }).policies).data
  const several = Object.entries(policies ?? {}).map(([name, { uri }]) => `  ${name}: ${uri}`)
  throw new InvalidInput(
    several.length > 0
      ? `model: the run "${id}" has several policies; name one by its URI:\n${several.join('\n')}`
      : `model: the run "${id}" has trained no policy; name a run that did, or the URI of a policy`,
  )
}
