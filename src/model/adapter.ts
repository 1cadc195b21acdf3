// Low-rank adapters (LoRA; Hu et al., arXiv 2106.09685): added to a model, read and written in PEFT's format, merged
// into plain weights.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { uniform } from '../random'
import { loraA, loraB, mergedWeight } from './linear'
import type { Lora, Model } from './model'
import { openSafetensors, writeSafetensors, type WrittenDtype } from './safetensors'
import { hasJoinedLayers } from './stored'
import { tf, tidy } from './tf'
import { modulesOf, SCORE_HEAD } from './weight-names'
import { readingFault, shownValue } from '../file-faults'

const PREFIX = 'base_model.model.'
const CONFIG = 'adapter_config.json'
const WEIGHTS = 'adapter_model.safetensors'

/**
 * The linear layers named by an adapter's targets.
 * @throws when the family has no adapters or a target names no layer
 */
function targetModules({ config }: Model, targets: readonly string[]): string[] {
  if (hasJoinedLayers(config))
    throw new Error(
      `adapter: the family ${config.family} keeps query, key and value in one layer; ` +
        'adapters are not supported for it, train the whole model',
    )
  const modules = Array.from({ length: config.layers }, (_, layer) => modulesOf(layer)).flatMap(
    ({ q, k, v, o, gate, up, down }) => [q, k, v, o, gate, up, down],
  )
  const names = [...new Set(modules.map((module) => module.split('.').at(-1)!))]
  const unknown = targets.find((target) => !names.includes(target))
  if (unknown !== undefined)
    throw new Error(`adapter: there is no linear layer ${shownValue(unknown)}; there are ${names.join(', ')}`)
  return modules.filter((module) => targets.includes(module.split('.').at(-1)!))
}

/**
 * A model with the same weights, now frozen, and a fresh adapter: A uniform in ±1/√in, as in PEFT, and B zero, so that
 * the model computes the same as before.
 * @throws when a target names no linear layer
 */
export function withAdapter(model: Model, lora: Lora, seed: number): Model {
  const weights = new Map(model.weights)
  for (const module of targetModules(model, lora.targets)) {
    const [out, into] = model.weights.get(`${module}.weight`)!.shape as [number, number]
    const bound = 1 / Math.sqrt(into)
    const a = Float32Array.from(
      { length: lora.rank * into },
      (_, i) => bound * (2 * uniform([seed, 'lora', module, i]) - 1),
    )
    weights.set(loraA(module), tf.tensor2d(a, [lora.rank, into]))
    weights.set(loraB(module), tf.zeros([out, lora.rank]))
  }
  return { ...model, weights, lora }
}

/** A model with plain weights, W + (alpha / rank) B A; tensors without an adapter are shared with the given model. */
export function mergeAdapter(model: Model): Model {
  const weights = new Map([...model.weights].filter(([name]) => !name.includes('.lora_')))
  for (const module of targetModules(model, model.lora!.targets))
    weights.set(
      `${module}.weight`,
      tidy(() => mergedWeight(model, module)),
    )
  return { config: model.config, weights }
}

const adapterConfig = z
  .object({
    peft_type: z.literal('LORA'),
    r: z.number().int().positive().max(65_536),
    lora_alpha: z.number().positive(),
    target_modules: z.union([z.array(z.string()), z.string()]),
    bias: z.literal('none').default('none'),
    use_dora: z.literal(false).default(false),
    use_rslora: z.literal(false).default(false),
    fan_in_fan_out: z.literal(false).default(false),
    rank_pattern: z.record(z.string(), z.never()).nullish(),
    alpha_pattern: z.record(z.string(), z.never()).nullish(),
    modules_to_save: z.array(z.literal('score')).nullish(),
    layers_to_transform: z.null().optional(),
  })
  .loose()

function readJson(file: string): unknown {
  try {
    return JSON.parse(readFileSync(file, 'utf8'))
  } catch (error) {
    throw new Error(`adapter: ${file} cannot be read: ${readingFault(error)}`, { cause: error })
  }
}

/**
 * A model with the adapter of a folder that PEFT wrote.
 * @throws when the folder is incomplete, holds anything but plain LoRA, or does not fit the model
 */
export function loadAdapter(model: Model, folder: string): Model {
  const file = join(folder, CONFIG)
  if (!existsSync(file)) throw new Error(`adapter: ${folder} has no ${CONFIG}; give a folder that PEFT wrote`)
  const parsed = adapterConfig.safeParse(readJson(file))
  if (!parsed.success) throw new Error(`adapter: ${file} is not a plain LoRA adapter: ${z.prettifyError(parsed.error)}`)
  const { r: rank, lora_alpha: alpha, target_modules: targets } = parsed.data
  const lora: Lora = { rank, alpha, targets: [targets].flat() }
  const open = openSafetensors(join(folder, WEIGHTS))
  try {
    const weights = new Map(model.weights)
    const take = (name: string, shape: [number, number]) => {
      const stored = open.tensor(PREFIX + name)
      if (!stored) throw new Error(`adapter: ${join(folder, WEIGHTS)} lacks the weight ${PREFIX}${name}`)
      if (String(stored.shape) !== String(shape))
        throw new Error(
          `adapter: weight ${PREFIX}${name} has shape [${stored.shape.join(', ')}], ` +
            `the model asks for [${shape.join(', ')}]`,
        )
      weights.set(name, tf.tensor2d(stored.read(), shape))
    }
    for (const module of targetModules(model, lora.targets)) {
      const [out, into] = model.weights.get(`${module}.weight`)!.shape as [number, number]
      take(loraA(module), [rank, into])
      take(loraB(module), [out, rank])
    }
    if (parsed.data.modules_to_save?.length) take(SCORE_HEAD, [1, model.config.hiddenSize])
    return { ...model, weights, lora }
  } finally {
    open.close()
  }
}

/**
 * Writes a model's adapter, with its score head if it has one, as a folder that PEFT loads.
 * @param base the name or folder of its base model
 * @param dtype of the adapter's matrices; a score head is written in float32
 */
export function saveAdapter({ weights, lora }: Model, folder: string, base: string, dtype: WrittenDtype = 'F32'): void {
  mkdirSync(folder, { recursive: true })
  const hasScore = weights.has(SCORE_HEAD)
  const adapterWeights = [...weights].filter(([name]) => name.includes('.lora_') || name === SCORE_HEAD)
  writeSafetensors(
    join(folder, WEIGHTS),
    adapterWeights.map(([name, tensor]) => ({
      name: PREFIX + name,
      shape: tensor.shape,
      read: () => tensor.dataSync<'float32'>(),
      dtype: name === SCORE_HEAD ? 'F32' : dtype,
    })),
  )
  const config = {
    peft_type: 'LORA',
    task_type: hasScore ? 'SEQ_CLS' : 'CAUSAL_LM',
    base_model_name_or_path: base,
    r: lora!.rank,
    lora_alpha: lora!.alpha,
    lora_dropout: 0,
    target_modules: lora!.targets,
    ...(hasScore && { modules_to_save: ['score'] }),
    bias: 'none',
    fan_in_fan_out: false,
    inference_mode: true,
  }
  writeFileSync(join(folder, CONFIG), `${JSON.stringify(config, null, 2)}\n`)
}
