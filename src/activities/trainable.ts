// Prepares a model for training by a stage's settings, and saves what training has changed.
import { basename, join } from 'node:path'
import { mergeAdapter, saveAdapter, withAdapter } from '../model/adapter'
import type { Lora, Model } from '../model/model'
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

/** Writes the merged weights and, if there is one, the adapter. @param base the folder that training started from */
export function saveTrained(model: Model, output: string, base: string): void {
  saveModel(model.lora ? mergeAdapter(model) : model, output, base)
  if (model.lora) saveAdapter(model, join(output, 'adapter'), basename(base))
}
