// What the training stages on Ray share: the order of their batches, their curves, and their weights as an artifact.
import { copyFileSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { z } from 'zod'
import type { Artifact } from '../../contracts/artifact'
import type { Progress } from '../../contracts/status'
import { linkOrCopy } from '../../link-or-copy'
import { placeOf, writeBase } from '../../model/adapter-base'
import { modelFiles } from '../../model/folder'
import { openBatches } from '../../training/batches'
import type { Metrics } from '../../training/checkpoint'
import { classifierConfig } from '../../model/classifier-config'
import type { PolicyOnRay } from './policy'

/** The batches of all steps, as rows of a job: [steps][rows of a batch] indices. */
export function* batchesOf(
  items: number,
  steps: number,
  settings: Parameters<typeof openBatches>[1],
): Generator<number[]> {
  const batchOf = openBatches(items, settings)
  for (let step = 0; step < steps; step++) yield batchOf(step)
}

/** Names that a Trainer gives to figures of a step, by ours. */
export type FigureNames = Record<string, string>
export const TRAINER_FIGURES: FigureNames = {
  loss: 'loss',
  gradientNorm: 'grad_norm',
  learningRate: 'learning_rate',
}
const ALWAYS: FigureNames = { step: 'step', seconds: 'seconds', resumedAt: 'resumedAt' }

/** The figures of a step under our names; a figure that the Trainer did not write is left out. */
export function named(entry: Readonly<Record<string, unknown>>, names: FigureNames): Metrics {
  const figures = Object.entries({ ...names, ...ALWAYS }).map(([ours, theirs]) => [ours, entry[theirs]] as const)
  return Object.fromEntries(figures.filter((figure): figure is [string, number] => typeof figure[1] === 'number'))
}

/** Progress whose metrics have our names. */
export const progressNamed =
  (names: FigureNames) =>
  (progress: Progress): Progress =>
    progress.metrics ? { ...progress, metrics: named(progress.metrics, names) } : progress

const historySchema = z.array(z.record(z.string(), z.unknown()))

/** The curves of a job. @param tokensOf response tokens of a step, counted from 1 */
export function readHistory(result: string, names: FigureNames, tokensOf?: (step: Metrics) => number): Metrics[] {
  const entries = historySchema.parse(JSON.parse(readFileSync(join(result, 'history.json'), 'utf8')))
  return entries.map((entry) => {
    const step = named(entry, names)
    const tokens = tokensOf?.(step)
    return tokens === undefined ? step : { ...step, tokens, tokensPerSecond: tokens / step.seconds! }
  })
}

const WEIGHTS = /^model[\w.-]*\.safetensors(\.index\.json)?$/
const ADAPTER = 'adapter_model.safetensors'
const ADAPTER_CONFIG = 'adapter_config.json'

const adapterConfig = z.looseObject({ target_modules: z.array(z.string()) })

interface TrainedFrom {
  artifact: Artifact
  policy: PolicyOnRay
  /** Whether the weights have a score head. */
  isClassifier?: boolean
}

/**
 * Makes a policy's files of the weights that a job has written: an adapter, or a whole model folder with the tokenizer
 * and the config of what training started from. Weights get a second name and are not copied.
 */
export function takeTrained(from: string, output: string, { artifact, policy, isClassifier }: TrainedFrom): void {
  mkdirSync(output, { recursive: true })
  if (readdirSync(from).includes(ADAPTER)) {
    linkOrCopy(join(from, ADAPTER), join(output, ADAPTER))
    const config = adapterConfig.parse(JSON.parse(readFileSync(join(from, ADAPTER_CONFIG), 'utf8')))
    writeJson(join(output, ADAPTER_CONFIG), {
      ...config,
      base_model_name_or_path: placeOf(artifact.uri),
      target_modules: config.target_modules.sort(), // PEFT writes a set
      ...(isClassifier && { modules_to_save: ['score'] }), // PEFT adds the names of other families' heads
    })
    writeBase(output, artifact)
    return
  }
  for (const name of readdirSync(from).filter((name) => WEIGHTS.test(name)))
    linkOrCopy(join(from, name), join(output, name))
  for (const name of modelFiles(policy.folder).filter((name) => !WEIGHTS.test(name) && name !== 'config.json')) {
    mkdirSync(dirname(join(output, name)), { recursive: true })
    copyFileSync(join(policy.folder, name), join(output, name))
  }
  const raw = { ...policy.model.config.raw, dtype: 'float32', torch_dtype: 'float32' }
  writeJson(join(output, 'config.json'), isClassifier ? classifierConfig(raw) : raw)
}

const writeJson = (file: string, value: object) => writeFileSync(file, `${JSON.stringify(value, null, 2)}\n`)
