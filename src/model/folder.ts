// A model as a Hugging Face folder: config.json, model.safetensors (or shards with an index). Headers alone; weights.ts loads them.
import { existsSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { parseModelConfig, type ModelConfig } from './config'
import { openSafetensors, type SafetensorsFile } from './safetensors'

export const SINGLE = 'model.safetensors'
const INDEX = 'model.safetensors.index.json'

export function readModelConfig(folder: string): ModelConfig {
  const file = join(folder, 'config.json')
  if (!existsSync(folder) || !statSync(folder).isDirectory()) throw new Error(`model: ${folder} is not a folder; give a Hugging Face model folder, a .gguf file or "default"`)
  if (!existsSync(file)) throw new Error(`model: ${folder} has no config.json; give a Hugging Face model folder (config.json, model.safetensors, tokenizer.json, tokenizer_config.json)`)
  return parseModelConfig(readJson(file), file)
}

function readJson(file: string): unknown {
  try {
    return JSON.parse(readFileSync(file, 'utf8'))
  } catch (error) {
    throw new Error(`model: ${file} is not JSON: ${(error as Error).message}`, { cause: error })
  }
}

const indexSchema = z.object({ weight_map: z.record(z.string(), z.string().regex(/^[\w.-]+$/)) })

/** The safetensors files of a folder, opened and their headers checked; close them after use. */
export function openShards(folder: string): SafetensorsFile[] {
  if (existsSync(join(folder, SINGLE))) return [openSafetensors(join(folder, SINGLE))]
  if (!existsSync(join(folder, INDEX))) throw new Error(`model: ${folder} has neither ${SINGLE} nor ${INDEX}; convert the weights to safetensors`)
  const names = [...new Set(Object.values(indexSchema.parse(readJson(join(folder, INDEX))).weight_map))]
  return names.map((name) => openSafetensors(join(folder, name)))
}

/** The entry of a weight, whose shape must be as expected. */
export function storedWeight(files: readonly SafetensorsFile[], name: string, shape: readonly number[], where: string) {
  const stored = files.map((file) => file.tensors.get(name)).find(Boolean)
  if (!stored) throw new Error(`model: ${where} lacks the weight ${name}`)
  if (String(stored.shape) !== String(shape)) throw new Error(`model: ${where}: weight ${name} has shape [${stored.shape.join(', ')}], config.json asks for [${shape.join(', ')}]`)
  return stored
}
