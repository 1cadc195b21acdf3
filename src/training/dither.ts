// Where training in bfloat16 begins. A matrix product reads weights rounded. Those of a checkpoint lie on bfloat16's own
// numbers, or on a grid near them, so that an update changes what is read only once it exceeds half the distance to
// the next number: at a learning rate of 1e-5, not within hundreds of steps. So each weight first moves by a random part
// of that half. A number of bfloat16 is still read as itself; and an update of any size is read, over the random
// numbers, as what it is: one of a tenth of the distance changes one weight in ten. This is stochastic rounding (Gupta et
// al., arXiv 1502.02551) with random numbers that are drawn once. Without it SFT of 13 steps ends 0.06 nats above
// float32, as it does under PyTorch's autocast (docs/performance.md).
import { uniformStream } from '../random'
import type { Model } from '../model/model'
import { tf, type Tensor } from '../model/tf'
import { SCORE_HEAD } from '../model/weight-names'

/** The next number of bfloat16 is 2¹⁶ of float32's away; by less than half of that, a number is rounded to itself. */
const LESS_THAN_HALF = 0x7fff

/**
 * Moves each weight of a model's matrices by less than half the distance between numbers of bfloat16. Norms, biases and a
 * score head stay: they are read in float32. The same seed moves them alike. 1.3 s for 135 million
 * weights; one matrix at a time is copied.
 */
export function ditherWeights({ weights }: Model, seed: number): void {
  for (const [name, tensor] of weights) {
    if (tensor.rank < 2 || name === SCORE_HEAD) continue
    weights.set(name, dithered(tensor, uniformStream([seed, 'dither', name])))
    tensor.dispose()
  }
}

function dithered(tensor: Tensor, next: () => number): Tensor {
  const values = tensor.dataSync<'float32'>().slice()
  const bits = new Uint32Array(values.buffer)
  for (let i = 0; i < bits.length; i++)
    if (values[i] !== 0) bits[i]! += Math.floor(next() * (2 * LESS_THAN_HALF + 1)) - LESS_THAN_HALF
  return tf.tensor(values, tensor.shape)
}
