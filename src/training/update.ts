// Choosing an optimizer, and the one update that all training loops do.
import { trainedWeights, type Gradients } from '../model/model'
import { adafactor } from './adafactor'
import { adamw } from './adamw'
import { clipGradients, globalNorm } from './gradients'
import { learningRateAt, type ScheduleSettings } from './learning-rate'
import type { Optimizer, Trained } from './optimizer'

export interface OptimizerSettings extends ScheduleSettings {
  /** Default: Adafactor, the paper's (§3.3). */
  optimizer?: 'adafactor' | 'adamw' | undefined
  /** Weight decay of AdamW, on matrices; biases and norms do not decay. */
  weightDecay?: number | undefined
  /** Gradients whose global norm, over all weights, is above this are scaled down to it; 0 turns clipping off. */
  maxGradientNorm?: number | undefined
}

export function openOptimizer({ optimizer = 'adafactor', weightDecay = 0 }: OptimizerSettings): Optimizer {
  return optimizer === 'adamw' ? adamw({ weightDecay }) : adafactor()
}

/**
 * One update of a model: clips the gradients, then takes a step of the optimizer. Consumes the gradients.
 * @param totalSteps length of the training run, for the learning-rate schedule
 * @returns the global norm of the gradients before clipping, the learning rate of this step, and the norm of the trained
 * weights after it, which shows an update that broke them
 */
export function update(
  { model, optimizer }: Trained,
  gradients: Gradients,
  settings: OptimizerSettings,
  totalSteps: number,
): { gradientNorm: number; learningRate: number; weightNorm: number } {
  const gradientNorm = clipGradients(gradients, settings.maxGradientNorm ?? 0)
  const learningRate = learningRateAt(optimizer.steps, totalSteps, settings)
  optimizer.step(model, gradients, learningRate)
  return { gradientNorm, learningRate, weightNorm: globalNorm(trainedWeights(model)) }
}
