// Prepares a model for training by a stage's settings, and saves what training has changed.
import type { Artifact } from '../contracts/artifact'
import type { Precision } from '../contracts/precision'
import { withAdapter } from '../model/adapter'
import type { Lora, Model } from '../model/model'
import { saveAdapterOf } from '../model/policy'
import { saveModel } from '../model/weights'
import { ditherWeights } from '../training/dither'

interface TrainingSettings {
  recompute: boolean
  precision?: Precision | undefined
  lora?: Lora | undefined
}

/**
 * What a policy that is to be trained is loaded in: weights that an adapter leaves as they are, are only read.
 */
export const loadedFor = ({ precision, lora }: TrainingSettings): { precision?: Precision | undefined } =>
  lora ? { precision } : {}

/**
 * The model itself, whose weights in bfloat16 are dithered here, or for an adapter a model that shares its weights. What
 * reads the policy as it came is opened before.
 */
export function trainable(model: Model, { recompute, precision, lora }: TrainingSettings, seed: number): Model {
  const ready = { ...model, recompute, ...(precision && { precision }) }
  if (lora) return withAdapter(ready, lora, seed)
  if (precision === 'bfloat16') ditherWeights(ready, seed)
  return ready
}

/** What training started from: the policy in the store, and the folder with its tokenizer. */
export interface TrainedFrom {
  policy: Artifact
  folder: string
}

/** Writes the trained weights: an adapter, or a whole model folder. */
export function saveTrained(model: Model, output: string, { policy, folder }: TrainedFrom): void {
  if (model.lora) saveAdapterOf(policy, folder, model, output)
  else saveModel(model, output, folder)
}
