// The files of stage `label`: labelled pairs, and the pairs that got no label with the reason.
import { join } from 'node:path'
import { z } from 'zod'
import { saysOutage } from '../feedback/endpoint-errors'
import { isUnanswered, type Unanswered } from '../feedback/labeler'
import { choseSameSlot } from '../feedback/preference'
import { isUndecided, type PreferenceLabel } from '../feedback/preference-label'
import { appendJsonl, readJsonlInParts, writeJsonl } from '../json-lines'
import { labelledPairSchema, type LabelledPair, type SampledPair } from './rows'

const LABELS_FILE = 'labels.jsonl'
const FAILURES_FILE = 'failures.jsonl'
export const LABEL_FILES = [LABELS_FILE, FAILURES_FILE]
/** Rows that are read at once; limits memory. */
const ROWS_AT_ONCE = 256

const failureSchema = z.object({
  id: z.string(),
  reason: z.string(),
  /** Longer than the labeler's context: counted apart, as no attempt can label it. */
  tooLong: z.boolean(),
  /** Both responses have the same value with certainty: counted apart for the same reason. */
  tied: z.boolean().optional(),
})
type Failure = z.infer<typeof failureSchema>

/** Empty files. */
export function beginLabels(folder: string): void {
  for (const file of LABEL_FILES) writeJsonl(join(folder, file), [])
}

/** @param labeler its name */
export function appendLabels(
  folder: string,
  labeler: string,
  answered: readonly (readonly [SampledPair, PreferenceLabel | Unanswered])[],
): void {
  const labels: LabelledPair[] = []
  const failures: Failure[] = []
  for (const [pair, preference] of answered)
    if (isUnanswered(preference)) failures.push(failureOf(pair, preference))
    else labels.push({ ...pair, ...preference, labeler })
  appendJsonl(join(folder, LABELS_FILE), labels)
  appendJsonl(join(folder, FAILURES_FILE), failures)
}

const failureOf = ({ id }: SampledPair, { failed, tooLong, tied }: Unanswered): Failure => ({
  id,
  reason: failed,
  tooLong: tooLong ?? false,
  ...(tied && { tied }),
})

const emptyTally = () => ({
  pairs: 0,
  /** Name of who gave the labels. */
  labeler: null as string | null,
  labels: 0,
  failed: 0,
  tooLong: 0,
  tied: 0,
  bounded: 0,
  bothOrders: 0,
  sameSlot: 0,
  confidence: 0,
  /** Labels of 0.5, which prefer neither response. */
  undecided: 0,
  /** Labels of a jury, and the sum of its members' disagreement. */
  byJury: 0,
  disagreement: 0,
  /** Labels that prefer the first response: by chance one half, as both are samples of one policy. */
  first: 0,
  /** Of failures, the first three. */
  reasons: new Set<string>(),
  /** Whether a failure is of an endpoint that did not answer, and may the next time. */
  isOutage: false,
})
export type LabelTally = ReturnType<typeof emptyTally>

/** Counts what the files of a folder say, in their order. */
export function tallyOf(folder: string): LabelTally {
  const tally = emptyTally()
  for (const labels of readJsonlInParts(join(folder, LABELS_FILE), labelledPairSchema, ROWS_AT_ONCE))
    for (const label of labels) countLabel(tally, label)
  for (const failures of readJsonlInParts(join(folder, FAILURES_FILE), failureSchema, ROWS_AT_ONCE))
    for (const failure of failures) countFailure(tally, failure)
  return tally
}

function countLabel(tally: LabelTally, label: LabelledPair): void {
  const same = choseSameSlot(label)
  tally.pairs++
  tally.labels++
  tally.labeler ??= label.labeler
  tally.bounded += Number(label.bounded ?? false)
  tally.bothOrders += Number(same !== undefined)
  tally.sameSlot += Number(same ?? false)
  tally.byJury += Number(label.disagreement !== undefined)
  tally.disagreement += label.disagreement ?? 0
  tally.confidence += Math.abs(2 * label.preferFirst - 1)
  if (isUndecided(label.preferFirst)) tally.undecided++
  else tally.first += Number(label.preferFirst > 0.5)
}

function countFailure(tally: LabelTally, { reason, tooLong, tied = false }: Failure): void {
  tally.pairs++
  tally.tooLong += Number(tooLong)
  tally.tied += Number(tied)
  if (tooLong || tied) return
  tally.failed++
  tally.isOutage ||= saysOutage(reason)
  if (tally.reasons.size < 3) tally.reasons.add(reason)
}
