// Principles (Bai et al., Constitutional AI, arXiv 2212.08073, §4.1): each question about a pair shows one principle of the
// task, drawn by the seed.
//
//   principle of a question = P[⌊n · u(seed, pair, sample)⌋]        n principles P, u uniform in [0, 1)
//
// Departures from the paper:
//   1. A principle says what a good response does; which response is asked for, the better or the worse one, is the task's
//      own question, as the paper of this package has it. There, each principle is a question of its own.
//   2. Both orders of a pair show the same principle, so that their mean cancels position bias. With several rationales
//      (`samples`), each draws its own: the label is then a mean over principles.
//   3. The draw depends on the texts of the pair, not on its place among others: shards, retries and other data with the
//      same pair ask the same question.
import { uniform } from '../random'
import type { Pair } from './prompt'

/** The index of the principle that a question shows. @param sample which of its rationales */
export function principleOf({ context, first, second }: Pair, count: number, seed: number, sample: number): number {
  return Math.floor(count * uniform([seed, 'principle', context, first, second, sample]))
}
