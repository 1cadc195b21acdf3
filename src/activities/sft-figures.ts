// What stage `sft` says of its data and its training, whichever engine trains.
import type { Summary } from '../contracts/artifact'
import { InvalidInput } from '../contracts/parse'
import type { Metrics } from '../training/checkpoint'
import { lastMean } from './stage'
import { cutFigures, type ReferenceSequence } from './written-responses'

/** @throws InvalidInput when there is nothing to learn */
export function refuseNoReferences(sequences: readonly ReferenceSequence[]): void {
  if (sequences.length > 0) return
  throw new InvalidInput(
    'sft: no row of the data has a "reference"; add some, or leave this stage out and start from the model itself',
  )
}

export function sftFigures(sequences: readonly ReferenceSequence[], history: readonly Metrics[]): Summary {
  const { cut, cutShare } = cutFigures(sequences)
  return {
    examples: sequences.length,
    cutReferences: cut,
    cutShare,
    steps: history.length,
    firstLoss: history[0]!.loss!,
    loss: lastMean(history, 'loss'),
  }
}
