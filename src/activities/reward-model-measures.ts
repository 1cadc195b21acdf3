// What a trained reward model is measured by, whoever computes its scores: the sequences to score, and the figures that
// follow from the scores.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { LOG_FILE } from '../artifacts/store'
import type { Summary } from '../contracts/artifact'
import type { StageInput } from '../contracts/stages'
import type { Row } from '../data/row'
import { calibration } from '../evaluation/calibration'
import { wilson } from '../evaluation/statistics'
import { isUndecided } from '../feedback/preference-label'
import { writeJsonl } from '../json-lines'
import { mean } from '../mean'
import type { Metrics } from '../training/checkpoint'
import type { Sequence } from '../training/gradients'
import type { TrainingPair } from '../training/reward-model'
import { shareFigures } from './figures'
import { labelledByPeople } from './human-pairs'
import { CALIBRATION_FILE } from './result-files'
import { MAX_RESPONSES, writeRewardShift } from './reward-shift'
import { readShardRows, trainRowsInParts, type LabelledPair } from './rows'
import { lastMean, type StageHost } from './stage'
import { trainingPair } from './training-pairs'
import { cutFigures, referenceSequences, type Encoder } from './written-responses'
import { formatFigure } from '../number-format'

/**
 * Pairs that people decided on the prompts held out for the evaluation: the paper measures every reward model by these
 * (Table 5).
 */
const MAX_HUMAN_PAIRS = 2000
/** Sequences of the padding check. */
const CHECKED_ROWS = 8
/** Scores must not depend on padding; what remains is rounding. */
const ALLOWED_GAP = 1e-2

/** The sequences that a trained reward model scores. */
export interface Measures {
  training: readonly TrainingPair[]
  /** Scored with padding on either side. */
  checked: readonly Sequence[]
  /** Their mean score is the shift. */
  averaged: readonly Sequence[]
  shiftedOn: 'references' | 'labelled responses'
  held: readonly TrainingPair[]
  human: readonly TrainingPair[]
  /** The shares of references and of human responses that were cut. */
  cut: { references: ReturnType<typeof cutFigures> | undefined; humanShare: number }
}

/** Scores of the measured sequences; those of pairs alternate between first and second response. */
export interface MeasuredScores {
  paddingGap: number
  averaged: readonly number[]
  held: readonly number[]
  human: readonly number[]
}

export const bothResponses = (pairs: readonly TrainingPair[]): Sequence[] =>
  pairs.flatMap(({ first, second }) => [first, second])

export async function measuresOf(
  { references: given }: StageInput<'reward-model'>,
  { training, held }: Record<'training' | 'held', readonly TrainingPair[]>,
  policy: Encoder,
  host: StageHost,
): Promise<Measures> {
  const data = given && { folder: await host.open(given.data), limits: given.limits }
  const references = data ? referenceSequences(rowsWithReference(data.folder), policy, data.limits) : []
  const people: LabelledPair[] = data
    ? labelledByPeople(readShardRows(data.folder, 'evaluation').rows, policy, data.limits).slice(0, MAX_HUMAN_PAIRS)
    : []
  const sequences = bothResponses([...held, ...training])
  return {
    training,
    checked: sequences.slice(0, CHECKED_ROWS),
    averaged: (references.length > 0 ? references : sequences).slice(0, MAX_RESPONSES),
    shiftedOn: references.length > 0 ? 'references' : 'labelled responses',
    held,
    human: people.map((label) => trainingPair(label, policy)),
    cut: {
      references: references.length > 0 ? cutFigures(references) : undefined,
      humanShare: cutFigures(people.flatMap(({ first, second }) => [first, second])).cutShare,
    },
  }
}

/** The rows whose references the shift averages. */
function rowsWithReference(folder: string): Row[] {
  const found: Row[] = []
  for (const rows of trainRowsInParts(folder)) {
    for (const row of rows) if (row.reference !== undefined) found.push(row)
    if (found.length >= MAX_RESPONSES) break
  }
  return found.slice(0, MAX_RESPONSES)
}

/** @throws when the scores depend on padding */
export function refusePaddingGap(gap: number): void {
  if (gap <= ALLOWED_GAP) return
  throw new Error(
    `reward-model: scores differ by ${formatFigure(gap)} between left and right padding; ` +
      'lower the learning rate if the loss rose: scores may be so large that rounding shows. ' +
      'Else this is a defect of rlaif, please report it',
  )
}

/** Writes shift, curves and calibration next to the weights. @returns the figures of the stage */
export function writeMeasured(
  output: string,
  { training, shiftedOn, held, human, cut }: Measures,
  scores: MeasuredScores,
  { history, batchSize }: { history: readonly Metrics[]; batchSize: number },
): Summary {
  const shift = { shift: mean(scores.averaged), shiftedOn }
  const quality = heldOutQuality(held, scores.held)
  writeRewardShift(output, shift)
  writeJsonl(join(output, LOG_FILE), history)
  writeFileSync(join(output, CALIBRATION_FILE), JSON.stringify(quality.calibration, null, 2))
  return {
    pairs: training.length,
    heldOut: held.length,
    steps: history.length,
    epochs: (history.length * batchSize) / training.length,
    loss: lastMean(history, 'loss'),
    undecided: quality.undecided,
    ...shareFigures('accuracy', quality.accuracy),
    ...(human.length > 0 && {
      humanPairs: human.length,
      ...shareFigures('humanAccuracy', heldOutQuality(human, scores.human).accuracy),
      humanCutShare: cut.humanShare,
    }),
    calibrationError: held.length > 0 ? quality.calibration.error : null,
    ...shift,
    ...(cut.references && { cutReferences: cut.references.cut, cutShare: cut.references.cutShare }),
    paddingGap: scores.paddingGap,
  }
}

/**
 * How often the model orders a held-out pair as its label does, and whether its probabilities mean what they say. A label
 * of 0.5 has no order to agree with: such a pair is left out of the accuracy. Equal scores count as one half.
 */
export function heldOutQuality(pairs: readonly Pick<TrainingPair, 'preferFirst'>[], scores: readonly number[]) {
  const predicted = pairs.map((_, i) => 1 / (1 + Math.exp(scores[2 * i + 1]! - scores[2 * i]!)))
  const labels = pairs.map(({ preferFirst }) => preferFirst)
  const decided = predicted.flatMap((p, i) => (isUndecided(labels[i]!) ? [] : [{ p, label: labels[i]! }]))
  const right = decided.map(({ p, label }) => (p === 0.5 ? 0.5 : Number(p > 0.5 === label > 0.5)))
  return {
    accuracy: wilson(
      right.reduce((a, b) => a + b, 0),
      decided.length,
    ),
    undecided: pairs.length - decided.length,
    calibration: calibration(predicted, labels),
  }
}
