// Which items are in the batch of a step: each epoch goes through all items in an order of its own, a pure function of
// seed and stage, so that a resumed run needs no state.
import { permutation } from '../random'

interface BatchSettings {
  batchSize: number
  seed: number
  /** Names the random stream of the order. */
  stage: string
  /** Of each item: those with the smallest come first in every epoch, in the drawn order where ranks are equal. */
  ranks?: readonly number[] | undefined
}

/**
 * The order of an epoch is drawn once and kept for as long as its steps are asked for.
 * @returns indices of the items in the batch of a step, which counts from 0: [min(batchSize, items)]
 */
export function openBatches(
  items: number,
  { batchSize, seed, stage, ranks }: BatchSettings,
): (step: number) => number[] {
  let drawn: { epoch: number; order: number[] } | undefined
  const draw = (epoch: number) => {
    const order = permutation(items, [seed, stage, epoch])
    return ranks ? order.sort((a, b) => ranks[a]! - ranks[b]!) : order
  }
  const orderOf = (epoch: number) => {
    if (drawn?.epoch !== epoch) drawn = { epoch, order: draw(epoch) }
    return drawn.order
  }
  return (step) =>
    Array.from({ length: Math.min(batchSize, items) }, (_, i) => {
      const index = step * batchSize + i
      return orderOf(Math.floor(index / items))[index % items]!
    })
}

/** In which order pairs are learned from. */
export interface Curriculum {
  /** Order of the pairs in an epoch by the certainty of their labels, |p − ½|; default: that of the seed alone. */
  curriculum?: 'none' | 'clear-first' | 'uncertain-first' | undefined
}

/** Where each pair stands in an epoch, from curriculum learning (Bengio et al., 2009). */
export function curriculumRanks(
  pairs: readonly { preferFirst: number }[],
  { curriculum = 'none' }: Curriculum,
): number[] | undefined {
  if (curriculum === 'none') return undefined
  const sign = curriculum === 'clear-first' ? -1 : 1
  return pairs.map(({ preferFirst }) => sign * Math.abs(preferFirst - 0.5))
}
