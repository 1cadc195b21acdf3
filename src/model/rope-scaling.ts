// How rotary frequencies are scaled for long contexts. Without TensorFlow.js: the import of GGUF files needs it, and every
// command that finds a model.
import type { Rope } from './architecture'

/**
 * Scaling for long contexts: "linear" divides every frequency, "llama3" only the low ones, with a smooth transition,
 * "factors" each of the `pair`s by one of its own.
 */
export function scaleFrequency(frequency: number, pair: number, scaling: Rope['scaling']): number {
  if (!scaling) return frequency
  if (scaling.kind === 'linear') return frequency / scaling.factor
  if (scaling.kind === 'factors') return frequency / scaling.factors[pair]!
  const { factor, lowFrequency, highFrequency, originalLength } = scaling
  const rotations = (originalLength * frequency) / (2 * Math.PI) // full rotations within the context of the pretraining
  if (rotations < lowFrequency) return frequency / factor
  if (rotations > highFrequency) return frequency
  const smooth = (rotations - lowFrequency) / (highFrequency - lowFrequency)
  return ((1 - smooth) * frequency) / factor + smooth * frequency
}
