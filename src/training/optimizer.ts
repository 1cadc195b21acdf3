// What every optimizer offers, and the one update that all training loops do.
import type { Gradients, Model } from '../model/model'
import type { Tensor } from '../model/tf'
import { adafactor } from './adafactor'
import { adamw } from './adamw'
import { clipGradients } from './gradients'
import { learningRateAt, type ScheduleSettings } from './learning-rate'

export interface Optimizer {
  /** Applies and disposes the gradients. */
  step(model: Model, gradients: Gradients, learningRate: number): void
  /** Everything needed to go on bit for bit, by name, with the step count. */
  state: Map<string, Tensor>
  steps: number
}

export interface OptimizerSettings extends ScheduleSettings {
  /** The paper's is Adafactor (§3.3). */
  optimizer?: 'adafactor' | 'adamw' | undefined
  /** Of AdamW, on matrices; biases and norms do not decay. */
  weightDecay?: number | undefined
  /** Longer gradients are cut to this norm, taken over all weights; 0 leaves them. */
  maxGradientNorm?: number | undefined
}

export function openOptimizer({ optimizer = 'adafactor', weightDecay = 0 }: OptimizerSettings): Optimizer {
  return optimizer === 'adamw' ? adamw({ weightDecay }) : adafactor()
}

/** One update of `model`. @returns the norm of the gradients before clipping and the learning rate of this step */
export function update(
  model: Model,
  optimizer: Optimizer,
  gradients: Gradients,
  settings: OptimizerSettings,
  totalSteps: number,
): { gradientNorm: number; learningRate: number } {
  const gradientNorm = clipGradients(gradients, settings.maxGradientNorm ?? 0)
  const learningRate = learningRateAt(optimizer.steps, totalSteps, settings)
  optimizer.step(model, gradients, learningRate)
  return { gradientNorm, learningRate }
}
