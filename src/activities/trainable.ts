// A model made ready for training by a stage's settings, and what training leaves behind.
import { basename, join } from 'node:path'
import { mergeAdapter, saveAdapter, withAdapter } from '../model/adapter'
import type { Lora, Model } from '../model/model'
import { saveModel } from '../model/weights'

interface TrainingSettings {
  recompute: boolean
  lora?: Lora | undefined
}

/** The model itself, or with an adapter a model that shares its weights. */
export function trainable(model: Model, { recompute, lora }: TrainingSettings, seed: number): Model {
  const ready = { ...model, recompute }
  return lora ? withAdapter(ready, lora, seed) : ready
}

/** Writes plain weights, and an adapter beside them where there is one. @param base the folder training started from */
export function saveTrained(model: Model, output: string, base: string): void {
  saveModel(model.lora ? mergeAdapter(model) : model, output, base)
  if (model.lora) saveAdapter(model, join(output, 'adapter'), basename(base))
}
