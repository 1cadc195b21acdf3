// Stage `label`: a soft preference for each pair of samples. A pair that gets no label is written to a file with the
// reason. Pairs are processed in parts, so that memory does not grow with their number.
import { z } from 'zod'
import type { Artifact, Summary } from '../../contracts/artifact'
import { membersOf } from '../../contracts/labeler-settings'
import { InvalidInput } from '../../contracts/parse'
import { BLOCK_PAIRS } from '../../contracts/shard'
import type { StageInput } from '../../contracts/stages'
import { unansweredError } from '../../feedback/endpoint-errors'
import { judgePairs } from '../../feedback/preference'
import { appendLabels, beginLabels, LABEL_FILES, tallyOf, type LabelTally } from '../label-files'
import { openLabeler } from '../labeler'
import { readDataTask } from '../rows'
import { pairsToAsk, refuseUnscoredPairing } from '../sampled-groups'
import { addedFigures, gatherFiles } from '../shards'
import { progressReporter, type Stage, type StageHost } from '../stage'
import { copyVocabulary } from '../vocabulary'
import { counted } from '../../number-format'

/** Pairs in one part; limits memory. */
const PAIRS_AT_ONCE = 4096

/** What stage `sample` says of more than two responses to a prompt. */
const samplingSchema = z.looseObject({
  perPrompt: z.number().int().min(2).optional(),
  pairing: z.enum(['random', 'neighbours', 'extremes']).optional(),
})

export const label: Stage<'label'> = {
  async run(input, host) {
    beginLabels(host.output)
    const ofLabeler = await (input.shards ? gather(input.shards, host) : writeLabels(input, host))
    const tally = tallyOf(host.output)
    refuseTooManyFailures(tally, input)
    const { labels, failed, tooLong, tied, bounded, bothOrders, sameSlot, confidence, undecided, first } = tally
    const { byJury, disagreement } = tally
    const figures = {
      labeler: tally.labeler,
      labels,
      failed,
      tooLong,
      ...(membersOf(input.labeler.settings).some(({ comparison }) => comparison === 'pointwise') && { tied }),
      bounded,
      sameSlotShare: bothOrders > 0 ? sameSlot / bothOrders : null,
      meanConfidence: labels > 0 ? confidence / labels : null,
      undecided,
      ...(byJury > 0 && { meanDisagreement: disagreement / byJury }),
      ...(input.samples.summary.source !== 'data' && {
        firstShare: labels > undecided ? first / (labels - undecided) : null,
      }),
    }
    return { ...figures, ...ofLabeler, ...figures } // in this order, and those of the whole count
  },
}

/** Asks about the pairs and writes labels and failures as they come. @returns what the questions cost */
async function writeLabels(input: StageInput<'label'>, host: StageHost): Promise<Summary> {
  const task = readDataTask(await host.open(input.data))
  const sampled = await host.open(input.samples)
  copyVocabulary(sampled, host.output)
  const { shard, seed, samples } = input
  const total = Math.ceil((Number(samples.summary.pairs) || 0) / (shard?.of ?? 1))
  const report = progressReporter(host, 'labelling', total, 'pairs')
  const { labeler, technique, comparison, spent } = await openLabeler(input.labeler, host)
  const { perPrompt: responses = 2, pairing = 'random' } = samplingSchema.parse(samples.summary)
  refuseUnscoredPairing(pairing, comparison)
  const atOnce = labeler.groupSize === undefined ? PAIRS_AT_ONCE : BLOCK_PAIRS
  let before = 0
  for (const part of pairsToAsk(sampled, { pairing, responses, seed, atOnce, shard })) {
    const pairs = part.pairs.map(({ context, first, second }) => ({ context, first: first.text, second: second.text }))
    const onProgress = (done: number) => report(before + Math.floor((done * part.chosen) / pairs.length))
    appendLabels(
      host.output,
      labeler.name,
      part.choose(await judgePairs(labeler, pairs, { task, technique, seed, onProgress })),
    )
    before += part.chosen
  }
  return spent()
}

/** Puts the labels of the shards together. @returns what their questions cost, and figures of their own */
async function gather(shards: readonly Artifact[], host: StageHost): Promise<Summary> {
  copyVocabulary(await gatherFiles(host, shards, LABEL_FILES), host.output)
  return addedFigures(shards.map(({ summary }) => summary))
}

/** Nothing is lost when this throws: answers are kept, and another attempt asks only for those that failed. */
function refuseTooManyFailures(
  { pairs, labels, failed, tied, reasons, isOutage }: LabelTally,
  { shard, settings: { maxFailedShare: allowed } }: StageInput<'label'>,
): void {
  if (pairs === 0) throw new InvalidInput('label: the samples contain no pair to label; sample from more prompts')
  const hasLabels = labels > 0 || (shard !== undefined && failed === 0) // other shards may have them
  if (hasLabels && failed / pairs <= allowed) return
  const why =
    [...reasons].join('; ') ||
    (tied > 0
      ? `in ${counted(tied, 'pair')} both responses have the same value with certainty, and the others are too long`
      : 'every pair is longer than the context of the labeler')
  throw unansweredError(
    `label: ${failed} of ${counted(pairs, 'label')} failed and ${counted(labels, 'was', 'were')} given, ` +
      `label.maxFailedShare allows ${allowed * 100} %: ${why}`,
    isOutage,
  )
}
