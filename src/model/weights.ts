// Weights between a Hugging Face folder and the device.
import { copyFileSync, existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { weightShapes } from './config'
import { openShards, readModelConfig, SINGLE, storedWeight } from './folder'
import { openSafetensors, writeSafetensors, type SafetensorsFile } from './safetensors'
import { tf, type Tensor } from './tf'
import type { Model } from './transformer'

const TOKENIZER_FILES = ['tokenizer.json', 'tokenizer_config.json', 'special_tokens_map.json', 'generation_config.json', 'chat_template.jinja']

/** Loads named float32 tensors of a safetensors file or folder, checked against their expected shapes. */
function loadWeights(files: SafetensorsFile[], shapes: Map<string, number[]>, where: string): Map<string, Tensor> {
  const weights = new Map<string, Tensor>()
  for (const [name, shape] of shapes) {
    const values = storedWeight(files, name, shape, where).read()
    if (!allFinite(values)) throw new Error(`model: ${where}: weight ${name} holds NaN or infinity; the checkpoint is broken`)
    weights.set(name, tf.tensor(values, shape))
  }
  return weights
}

function allFinite(values: Float32Array): boolean {
  let poison = 0
  for (let i = 0; i < values.length; i++) poison += values[i]! * 0 // NaN once anything is not finite
  return poison === 0
}

/**
 * Loads the weights that config.json asks for.
 * @param extra further weights the folder must hold, such as a score head, with their shapes
 * @throws a message that names the folder, file or weight when anything is missing, cut short or of another shape
 */
export function loadModel(folder: string, extra: Record<string, number[]> = {}): Model {
  const config = readModelConfig(folder)
  const files = openShards(folder)
  try {
    return { config, weights: loadWeights(files, new Map([...weightShapes(config), ...Object.entries(extra)]), folder) }
  } finally {
    files.forEach((file) => file.close())
  }
}

/** Named tensors of one safetensors file, for training states and heads. */
export function loadTensors(file: string): Map<string, Tensor> {
  const open = openSafetensors(file)
  try {
    return new Map([...open.tensors].map(([name, stored]) => [name, tf.tensor(stored.read(), stored.shape)]))
  } finally {
    open.close()
  }
}

export function saveTensors(file: string, tensors: Map<string, Tensor>): void {
  writeSafetensors(
    file,
    [...tensors].map(([name, tensor]) => ({ name, shape: tensor.shape, read: () => tensor.dataSync<'float32'>() })),
  )
}

/** Writes a folder that transformers, vLLM and llama.cpp's converter read. Tokenizer files are copied from `tokenizerFrom`. */
export function saveModel(model: Model, folder: string, tokenizerFrom: string): void {
  mkdirSync(folder, { recursive: true })
  saveTensors(join(folder, SINGLE), model.weights)
  writeFileSync(join(folder, 'config.json'), `${JSON.stringify({ ...model.config.raw, dtype: 'float32', torch_dtype: 'float32' }, null, 2)}\n`)
  for (const name of TOKENIZER_FILES) if (existsSync(join(tokenizerFrom, name))) copyFileSync(join(tokenizerFrom, name), join(folder, name))
}

/** A second, independent copy of a model's weights on the device. */
export function cloneModel(model: Model): Model {
  return { config: model.config, weights: new Map([...model.weights].map(([name, tensor]) => [name, tensor.clone()])) }
}
