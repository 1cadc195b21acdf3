// Prepares a model for training by a stage's settings, and saves what training has changed.
import type { Artifact } from '../contracts/artifact'
import { withAdapter } from '../model/adapter'
import type { Lora, Model } from '../model/model'
import { saveAdapterOf } from '../model/policy'
import { saveModel } from '../model/weights'

interface TrainingSettings {
  recompute: boolean
  lora?: Lora | undefined
}

/** The model itself, or for an adapter a model that shares its weights. */
export function trainable(model: Model, { recompute, lora }: TrainingSettings, seed: number): Model {
  const ready = { ...model, recompute }
  return lora ? withAdapter(ready, lora, seed) : ready
}

/** What training started from: the policy in the store, and the folder with its tokenizer. */
export interface TrainedFrom {
  policy: Artifact
  folder: string
}

/** Writes the trained weights: an adapter, or a whole model folder. */
export function saveTrained(model: Model, output: string, { policy, folder }: TrainedFrom): void {
  if (model.lora) saveAdapterOf(policy, model, output)
  else saveModel(model, output, folder)
}
