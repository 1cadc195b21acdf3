// Stage `label`: a soft preference for each pair of samples. A pair that gets no label is written to a file with the
// reason. Pairs are processed in parts, so that memory does not grow with their number.
import { join } from 'node:path'
import { appendJsonl, writeJsonl } from '../../json-lines'
import { z } from 'zod'
import { InvalidInput } from '../../contracts/parse'
import { isUnanswered, type Unanswered } from '../../feedback/labeler'
import { choseSameSlot, judgePairs, type PreferenceLabel } from '../../feedback/preference'
import { openLabeler } from '../labeler'
import { isUndecided, readData, type LabelledPair, type SampledPair } from '../rows'
import { pairsToAsk, refuseUnscoredPairing } from '../sampled-groups'
import { progressReporter, type Stage } from '../stage'
import { copyVocabulary } from '../vocabulary'

/** Pairs in one part; limits memory. */
const PAIRS_AT_ONCE = 4096

/** What stage `sample` says of more than two responses to a prompt. */
const samplingSchema = z.looseObject({
  perPrompt: z.number().int().min(2).optional(),
  pairing: z.enum(['random', 'neighbours', 'extremes']).optional(),
})

export const label: Stage<'label'> = {
  async run(input, host) {
    const { task } = readData(await host.open(input.data))
    const sampled = await host.open(input.samples)
    copyVocabulary(sampled, host.output)
    const report = progressReporter(host, 'labelling', Number(input.samples.summary.pairs) || 0, 'pairs')
    const { labeler, technique, spent } = await openLabeler(input.labeler, host)
    const { perPrompt: responses = 2, pairing = 'random' } = samplingSchema.parse(input.samples.summary)
    refuseUnscoredPairing(pairing, technique.comparison)
    const out = labelWriter(host.output, labeler.name)
    for (const part of pairsToAsk(sampled, { pairing, responses, seed: input.seed, atOnce: PAIRS_AT_ONCE })) {
      const pairs = part.pairs.map(({ context, first, second }) => ({
        context,
        first: first.text,
        second: second.text,
      }))
      const before = out.tally.pairs
      const onProgress = (done: number) => report(before + Math.floor((done * part.chosen) / pairs.length))
      out.add(part.choose(await judgePairs(labeler, pairs, { task, technique, seed: input.seed, onProgress })))
    }
    refuseTooManyFailures(out.tally, input.settings.maxFailedShare)
    const { labels, failed, tooLong, tied, bounded, bothOrders, sameSlot, confidence, undecided, first } = out.tally
    return {
      labeler: labeler.name,
      labels,
      failed,
      tooLong,
      ...(technique.comparison === 'pointwise' && { tied }),
      bounded,
      sameSlotShare: bothOrders > 0 ? sameSlot / bothOrders : null,
      meanConfidence: confidence / labels,
      undecided,
      ...(input.samples.summary.source !== 'data' && {
        firstShare: labels > undecided ? first / (labels - undecided) : null,
      }),
      ...spent(),
    }
  },
}

interface Failure {
  id: string
  reason: string
  /** Longer than the labeler's context: counted apart, as no attempt can label it. */
  tooLong: boolean
  /** Both responses have the same value with certainty: counted apart for the same reason. */
  tied?: boolean
}

const emptyTally = () => ({
  pairs: 0,
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
  /** Labels that prefer the first response: by chance one half, as both are samples of one policy. */
  first: 0,
  reasons: new Set<string>(),
})
type Tally = ReturnType<typeof emptyTally>

/** Writes labels and failures as they come, and counts them. */
function labelWriter(folder: string, labeler: string) {
  const tally = emptyTally()
  const files = { labels: join(folder, 'labels.jsonl'), failures: join(folder, 'failures.jsonl') }
  for (const file of Object.values(files)) writeJsonl(file, [])
  return {
    tally,
    add(answered: readonly [SampledPair, PreferenceLabel | Unanswered][]) {
      const labels: LabelledPair[] = []
      const failures: Failure[] = []
      for (const [pair, preference] of answered)
        if (isUnanswered(preference)) failures.push(failureOf(pair, preference))
        else labels.push({ ...pair, ...preference, labeler })
      appendJsonl(files.labels, labels)
      appendJsonl(files.failures, failures)
      labels.forEach((label) => countLabel(tally, label))
      failures.forEach((failure) => countFailure(tally, failure))
      tally.pairs += answered.length
    },
  }
}

const failureOf = ({ id }: SampledPair, { failed, tooLong, tied }: Unanswered): Failure => ({
  id,
  reason: failed,
  tooLong: tooLong ?? false,
  ...(tied && { tied }),
})

function countLabel(tally: Tally, label: LabelledPair): void {
  const same = choseSameSlot(label)
  tally.labels++
  tally.bounded += Number(label.bounded ?? false)
  tally.bothOrders += Number(same !== undefined)
  tally.sameSlot += Number(same ?? false)
  tally.confidence += Math.abs(2 * label.preferFirst - 1)
  if (isUndecided(label.preferFirst)) tally.undecided++
  else tally.first += Number(label.preferFirst > 0.5)
}

function countFailure(tally: Tally, { reason, tooLong, tied = false }: Failure): void {
  tally.tooLong += Number(tooLong)
  tally.tied += Number(tied)
  if (tooLong || tied) return
  tally.failed++
  if (tally.reasons.size < 3) tally.reasons.add(reason)
}

/** Nothing is lost when this throws: answers are kept, and another attempt asks only for those that failed. */
function refuseTooManyFailures({ pairs, labels, failed, tied, reasons }: Tally, allowed: number): void {
  if (pairs === 0) throw new InvalidInput('label: the samples contain no pair to label; sample from more prompts')
  if (labels > 0 && failed / pairs <= allowed) return
  const why =
    [...reasons].join('; ') ||
    (tied > 0
      ? `in ${tied} pairs both responses have the same value with certainty, and the others are too long`
      : 'every pair is longer than the context of the labeler')
  throw new Error(
    `label: ${failed} of ${pairs} labels failed and ${labels} were given, ` +
      `label.maxFailedShare allows ${allowed * 100} %: ${why}`,
  )
}
