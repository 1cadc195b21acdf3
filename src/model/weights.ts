// Loading weights from a Hugging Face folder to the device, and saving them.
import type { Precision } from '../contracts/precision'
import { copyFileSync, cpSync, existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { TEMPLATE_FOLDER, TEMPLATE_SETTINGS_FILE } from './chat-template'
import type { Model } from './model'
import { INDEX, openModel, SINGLE } from './folder'
import * as op from './ops'
import { forReading } from './reading-copy'
import { openSafetensors, writeSafetensors, type WrittenDtype } from './safetensors'
import { toStored, type WrittenWeight } from './stored'
import { tf, type Tensor } from './tf'
import { valuesOf } from './data-type'

const TOKENIZER_FILES = [
  'tokenizer.json',
  'tokenizer_config.json',
  'special_tokens_map.json',
  'generation_config.json',
  'chat_template.jinja',
  'chat_template.json',
  TEMPLATE_SETTINGS_FILE,
]

function allFinite(values: Float32Array): boolean {
  let poison = 0
  for (let i = 0; i < values.length; i++) poison += values[i]! * 0 // NaN once anything is not finite
  return poison === 0
}

/**
 * A tensor on the device. (TensorFlow.js alone would keep the values until first use: a model's weights twice in
 * memory.)
 */
function upload(values: Float32Array, shape: number[]): Tensor {
  const local = tf.tensor(values, shape)
  const uploaded = op.reshape(local, shape)
  local.dispose()
  return uploaded
}

/**
 * Loads every weight that config.json asks for.
 * @param extra further weights the folder must hold, such as a score head, with their shapes
 * @param precision "bfloat16": matrices are kept in it alone, for a model that is only read
 * @throws an error that names the folder, file or weight when anything is missing, cut short, of another shape or not
 * finite
 */
export function loadModel(
  folder: string,
  extra: Record<string, number[]> = {},
  precision: Precision = 'float32',
): Model {
  const { config, weights, close } = openModel(folder, extra)
  const kept = (name: string, tensor: Tensor) => {
    if (precision === 'float32') return tensor
    const copy = forReading(name, tensor)
    if (copy !== tensor) tensor.dispose()
    return copy
  }
  try {
    return {
      config,
      weights: new Map(
        weights.map(({ name, shape, read }) => [name, kept(name, upload(finite(read(), name, folder), shape))]),
      ),
      ...(precision !== 'float32' && { precision }),
    }
  } finally {
    close()
  }
}

function finite(values: Float32Array, name: string, folder: string): Float32Array {
  if (!allFinite(values))
    throw new Error(`model: ${folder}: weight ${name} holds NaN or infinity; the checkpoint is broken`)
  return values
}

/** Loads the tensors of one safetensors file, such as an optimizer's state, by name. */
export function loadTensors(file: string): Map<string, Tensor> {
  const open = openSafetensors(file)
  try {
    return new Map(
      open.names.map((name) => {
        const { read, shape } = open.tensor(name)!
        return [name, upload(read(), shape)]
      }),
    )
  } finally {
    open.close()
  }
}

const written = (tensors: Map<string, Tensor>): WrittenWeight[] =>
  [...tensors].map(([name, tensor]) => ({ name, shape: tensor.shape, read: () => valuesOf(tensor) }))

/** Writes tensors, by name, to one safetensors file. */
export function saveTensors(file: string, tensors: Map<string, Tensor>): void {
  writeSafetensors(file, written(tensors))
}

/** Weights that take more than this are split into shards, as in transformers. */
const MAX_SHARD_BYTES = 5_000_000_000

/**
 * Writes a model folder that transformers, vLLM and llama.cpp's converter can read.
 * @param tokenizerFrom the folder that tokenizer files are copied from
 */
export function saveModel(
  model: Model,
  folder: string,
  tokenizerFrom: string,
  { maxShardBytes = MAX_SHARD_BYTES, dtype = 'F32' as WrittenDtype } = {},
): void {
  mkdirSync(folder, { recursive: true })
  writeShards(folder, toStored(model.config, written(model.weights)), { maxBytes: maxShardBytes, dtype })
  const inWords = DTYPE_NAMES[dtype]
  writeFileSync(
    join(folder, 'config.json'),
    withFloats(`${JSON.stringify({ ...model.config.raw, dtype: inWords, torch_dtype: inWords }, null, 2)}\n`),
  )
  for (const name of TOKENIZER_FILES)
    if (existsSync(join(tokenizerFrom, name))) copyFileSync(join(tokenizerFrom, name), join(folder, name))
  if (existsSync(join(tokenizerFrom, TEMPLATE_FOLDER)))
    cpSync(join(tokenizerFrom, TEMPLATE_FOLDER), join(folder, TEMPLATE_FOLDER), { recursive: true })
}

/** transformers refuses whole numbers in these fields, which JSON writes for 30.0. */
const FLOATS = ['attn_logit_softcapping', 'final_logit_softcapping', 'initializer_range']
const withFloats = (json: string): string =>
  json.replace(new RegExp(`("(?:${FLOATS.join('|')})": \\d+)(?=,?$)`, 'gm'), '$1.0')

/** The names of dtypes in config.json and on the command line. */
export const DTYPE_NAMES: Record<WrittenDtype, string> = { F32: 'float32', BF16: 'bfloat16', F16: 'float16' }

const elementsOf = ({ shape }: WrittenWeight) => shape.reduce((a, b) => a * b, 1)

/** Writes one file, or numbered shards and their index. */
function writeShards(
  folder: string,
  weights: readonly WrittenWeight[],
  { maxBytes, dtype }: { maxBytes: number; dtype: WrittenDtype },
): void {
  const bytesOf = (weight: WrittenWeight) => (dtype === 'F32' ? 4 : 2) * elementsOf(weight)
  const shards: WrittenWeight[][] = [[]]
  let bytes = 0
  for (const weight of weights) {
    if (bytes > 0 && bytes + bytesOf(weight) > maxBytes) {
      shards.push([])
      bytes = 0
    }
    shards.at(-1)!.push(weight)
    bytes += bytesOf(weight)
  }
  if (shards.length === 1) return writeSafetensors(join(folder, SINGLE), weights, dtype)
  const digits = (n: number) => String(n).padStart(5, '0')
  const nameOf = (shard: number) => `model-${digits(shard + 1)}-of-${digits(shards.length)}.safetensors`
  shards.forEach((shard, i) => writeSafetensors(join(folder, nameOf(i)), shard, dtype))
  const weight_map = Object.fromEntries(shards.flatMap((shard, i) => shard.map(({ name }) => [name, nameOf(i)])))
  writeFileSync(
    join(folder, INDEX),
    JSON.stringify(
      { metadata: { total_size: weights.reduce((sum, weight) => sum + bytesOf(weight), 0) }, weight_map },
      null,
      2,
    ),
  )
}

/** A second, independent copy of a model's weights on the device. */
export function cloneModel({ config, precision, ...model }: Model): Model {
  return {
    config,
    ...(precision && { precision }),
    weights: new Map([...model.weights].map(([name, tensor]) => [name, tensor.clone()])),
  }
}
