// Supervised fine-tuning on reference responses (paper §3.3, Appendix G).
//
//   L = −(1/M) Σ log π(token | what came before), over the M response tokens of a batch; the prompt has no loss.
//
// Departures from the paper:
//   1. Batch size, length and learning rate are settings, smaller by default.
//   2. An end-of-turn token is appended to each reference response, so that the policy learns to stop. A response that
//      is longer than the limit is cut and gets none: it does not end there.
import type { Gradients, Model } from '../model/model'
import { openBatches } from './batches'
import { partOf, trainSteps, type TrainingHost, type TrainingResult } from './checkpoint'
import { accumulate, differentiableLogProbs, responseTokens, type Sequence } from './gradients'
import { openOptimizer, update, type OptimizerSettings } from './update'

export interface SftSettings extends OptimizerSettings {
  epochs: number
  batchSize: number
  /** Rows of one forward and backward pass; bounds memory, does not change the loss. */
  microBatchSize: number
  seed: number
}

/**
 * Trains `model` in place.
 * @throws Diverged when the loss, a gradient or a weight is not finite
 * @throws when a prompt is empty
 */
export async function trainSft(
  model: Model,
  sequences: readonly Sequence[],
  settings: SftSettings,
  host: TrainingHost,
): Promise<TrainingResult> {
  const policy = { model, optimizer: openOptimizer(settings) }
  const total = Math.ceil((sequences.length * settings.epochs) / settings.batchSize)
  const batchOf = openBatches(sequences.length, { ...settings, stage: 'sft' })
  const step = async (index: number) => {
    const batch = batchOf(index).map((i) => sequences[i]!)
    const tokens = batch.reduce((sum, s) => sum + s.response.length, 0)
    let loss = 0
    const ofSlice = (slice: readonly Sequence[], sum: Gradients) => {
      const pass = differentiableLogProbs(model, responseTokens(slice, model))
      loss -= pass.values.reduce((a, b) => a + b, 0) / tokens
      pass.backward(new Float32Array(pass.values.length).fill(-1 / tokens), sum)
    }
    const gradients = accumulate(batch, settings.microBatchSize, ofSlice, partOf(host, 'learning'))
    return { loss, tokens, ...update(policy, gradients, settings, total) }
  }
  return trainSteps(total, { policy }, host, { step })
}
