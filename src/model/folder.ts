// A model as a Hugging Face folder: config.json and model.safetensors, or shards with an index. Only the headers are
// read here; weights.ts loads the weights.
import { existsSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { MOST_CONFIG_BYTES, readTextBounded } from '../bounded-file'
import { digestOf } from '../digest'
import { jsonFault } from '../file-faults'
import { checkFile } from '../given-path'
import { parseAnyConfig, type AnyConfig } from './any-config'
import type { ModelConfig } from './architecture'
import { parseModelConfig } from './config'
import { endIds, listOf } from './config-fields'
import { openSafetensors, type Dtype as StoredDtype, type SafetensorsFile } from './safetensors'
import { storedAs } from './stored'
import { weightShapes } from './weight-names'
import { counted } from '../number-format'

/** The files of a model that this runtime reads; a repository may hold many more. */
export const MODEL_FILE = new RegExp(
  [
    /^(config|generation_config|tokenizer|tokenizer_config|special_tokens_map|model\.safetensors\.index)\.json$/,
    /^chat_template\.(jinja|json)$/,
    /^additional_chat_templates\/[\w.-]+\.jinja$/,
    /^template_settings\.json$/,
    /^model[\w.-]*\.safetensors$/,
  ]
    .map(({ source }) => source)
    .join('|'),
)

/** The files of a model in a folder, sorted. Links to folders are not followed: they may lead anywhere, or in circles. */
export const modelFiles = (folder: string): string[] =>
  readdirSync(folder, { withFileTypes: true })
    .flatMap((entry) =>
      entry.isDirectory() ? readdirSync(join(folder, entry.name)).map((name) => `${entry.name}/${name}`) : [entry.name],
    )
    .filter((name) => MODEL_FILE.test(name) && !statSync(join(folder, name), { throwIfNoEntry: false })?.isDirectory())
    .sort()

/**
 * Refuses a folder that an input names if a model's file in it is a link that leads out of it, or no regular file.
 * @throws PathRefused
 */
export function checkModelFiles(folder: string): void {
  for (const name of modelFiles(folder)) checkFile(join(folder, name), folder)
}

/** The digest of a model's files and their names. @param digest of one file */
export async function modelDigest(folder: string, digest: (file: string) => Promise<string>): Promise<string> {
  const files: string[] = []
  for (const name of modelFiles(folder)) files.push(`${name} ${await digest(join(folder, name))}`)
  return digestOf(files.join('\n'))
}

export const SINGLE = 'model.safetensors'
export const INDEX = 'model.safetensors.index.json'

/** The parsed config.json of a model folder. @throws when there is no folder, or no config.json in it */
function readRawConfig(folder: string): { value: unknown; file: string } {
  const file = join(folder, 'config.json')
  if (!existsSync(folder) || !statSync(folder).isDirectory())
    throw new Error(`model: ${folder} is not a folder; give a Hugging Face model folder, a .gguf file or "default"`)
  if (!existsSync(file))
    throw new Error(
      `model: ${folder} has no config.json; give a Hugging Face model folder ` +
        '(config.json, model.safetensors, tokenizer.json, tokenizer_config.json)',
    )
  return { value: readJson(file), file }
}

/**
 * The config of a model folder, with the end ids of its generation_config.json.
 * @throws when there is no folder, no config.json, or it is not supported
 */
export function readModelConfig(folder: string): ModelConfig {
  const { value, file } = readRawConfig(folder)
  const config = parseModelConfig(value, file)
  const ends = [...config.eosTokenIds, ...generationEnds(folder)].filter((id) => id >= 0 && id < config.vocabSize)
  return { ...config, eosTokenIds: [...new Set(ends)] }
}

/**
 * The same of any language model, for engines that compute other families too.
 * @throws when there is no folder, no config.json, or it is that of no language model
 */
export function readAnyConfig(folder: string): AnyConfig {
  const { value, file } = readRawConfig(folder)
  if (isComputedHere(value, file)) return readModelConfig(folder)
  const config = parseAnyConfig(value, file)
  return { ...config, eosTokenIds: [...new Set([...config.eosTokenIds, ...generationEnds(folder)])] }
}

function isComputedHere(value: unknown, file: string): boolean {
  try {
    parseModelConfig(value, file)
    return true
  } catch {
    return false
  }
}

const generationSchema = z.looseObject({ eos_token_id: endIds })

/** The end ids of generation_config.json, which chat models often name only there. */
function generationEnds(folder: string): number[] {
  const file = join(folder, 'generation_config.json')
  if (!existsSync(file)) return []
  const parsed = generationSchema.safeParse(readJson(file))
  if (!parsed.success) throw new Error(`model: ${file} is not valid: ${z.prettifyError(parsed.error)}`)
  return listOf(parsed.data.eos_token_id)
}

function readJson(file: string): unknown {
  try {
    return JSON.parse(readTextBounded(file, MOST_CONFIG_BYTES))
  } catch (error) {
    throw new Error(`model: ${file} is not JSON, ${jsonFault(error)}`, { cause: error })
  }
}

const indexSchema = z.object({ weight_map: z.record(z.string(), z.string().regex(/^[\w.-]+$/)) })

/** @throws when the folder has neither weights nor an index, or the index is damaged */
function openShards(folder: string): SafetensorsFile[] {
  if (existsSync(join(folder, SINGLE))) return [openSafetensors(join(folder, SINGLE))]
  if (!existsSync(join(folder, INDEX)))
    throw new Error(`model: ${folder} has neither ${SINGLE} nor ${INDEX}; convert the weights to safetensors`)
  const index = indexSchema.safeParse(readJson(join(folder, INDEX)))
  if (!index.success)
    throw new Error(`model: ${join(folder, INDEX)} is not an index of shards: ${z.prettifyError(index.error)}`)
  const names = [...new Set(Object.values(index.data.weight_map))].sort()
  const missing = names.filter((name) => !existsSync(join(folder, name)))
  if (missing.length > 0)
    throw new Error(
      `model: ${folder} lacks ${missing.length} of the ${counted(names.length, 'shard')} that ${INDEX} names: ` +
        `${missing.slice(0, 3).join(', ')}${missing.length > 3 ? ', …' : ''}; copy or download the whole folder again`,
    )
  return names.map((name) => openSafetensors(join(folder, name)))
}

/** A weight in the layout of weight-names.ts. Its header agrees with the config; its values are read on demand. */
interface OpenWeight {
  name: string
  shape: number[]
  /** What it is in the file. */
  dtype: StoredDtype
  read(): Float32Array
}
interface OpenModel {
  config: ModelConfig
  weights: OpenWeight[]
  close(): void
}

/**
 * Opens every weight that config.json asks for; close it after use.
 * @param extra further weights the folder must hold, such as a score head, with their shapes
 * @throws an error that names the folder, file or weight when anything is missing, cut short or of another shape
 */
export function openModel(folder: string, extra: Record<string, number[]> = {}): OpenModel {
  const config = readModelConfig(folder)
  const files = openShards(folder)
  const close = () => files.forEach((file) => file.close())
  try {
    const shapes = [...weightShapes(config), ...Object.entries(extra)]
    const weights = shapes.map(([name, shape]) => openWeight({ files, config, folder }, name, shape))
    return { config, weights, close }
  } catch (error) {
    close()
    throw error
  }
}

/** What files may call a weight, the usual name first. */
const namesInFiles = (name: string): string[] => [
  name,
  name.replace(/^(transformer|model)\./, ''), // early GPT-2 files, and those of models without a head
  name.replace(/^model\./, 'model.language_model.'), // models that see images as well
  `language_model.${name}`,
]

function openWeight(
  { files, config, folder }: { files: readonly SafetensorsFile[]; config: ModelConfig; folder: string },
  name: string,
  shape: number[],
): OpenWeight {
  const stored = storedAs(config, name, shape)
  const find = (storedName: string) => files.map((file) => file.tensor(storedName)).find(Boolean)
  const found = namesInFiles(stored.name).map(find).find(Boolean)
  if (!found) throw new Error(`model: ${folder} lacks the weight ${stored.name}`)
  if (String(found.shape) !== String(stored.shape))
    throw new Error(
      `model: ${folder}: weight ${stored.name} has shape [${found.shape.join(', ')}], ` +
        `config.json asks for [${stored.shape.join(', ')}]`,
    )
  return { name, shape, dtype: found.dtype, read: () => stored.take(found.read()) }
}

/**
 * Checks, by the headers alone, that a folder holds every weight that its config asks for.
 * @returns the number of parameters
 * @throws like `openModel`
 */
export function checkModelFolder(folder: string): number {
  const open = openModel(folder)
  open.close()
  return open.weights.reduce((sum, { shape }) => sum + shape.reduce((a, b) => a * b, 1), 0)
}

/**
 * Checks that a folder holds a language model of any family: what its config says of its weights is not known here.
 * @returns the number of parameters
 * @throws when config or weights are missing
 */
export function checkAnyFolder(folder: string): number {
  const { value, file } = readRawConfig(folder)
  if (isComputedHere(value, file)) return checkModelFolder(folder)
  parseAnyConfig(value, file)
  const files = openShards(folder)
  const sizes = files.flatMap((shard) => shard.names.map((name) => parametersOf(shard, name)))
  files.forEach((shard) => shard.close())
  return sizes.reduce((a, b) => a + b, 0)
}

/** Of a tensor; buffers of other kinds than floating-point numbers are no parameters. */
function parametersOf(shard: SafetensorsFile, name: string): number {
  try {
    return shard.tensor(name)!.shape.reduce((a, b) => a * b, 1)
  } catch {
    return 0
  }
}

/** What most weights of a model folder are stored as. @throws like `openModel` */
export function storedDtype(folder: string): StoredDtype {
  const open = openModel(folder)
  open.close()
  const counts = new Map<StoredDtype, number>()
  for (const { dtype } of open.weights) counts.set(dtype, (counts.get(dtype) ?? 0) + 1)
  return [...counts].reduce((a, b) => (b[1] > a[1] ? b : a))[0]
}
