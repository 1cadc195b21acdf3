// Stage `dpo`: trains the policy on labels of people, of a labeler, or of both, without a reward model.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { LOG_FILE } from '../../artifacts/store'
import type { Summary } from '../../contracts/artifact'
import type { StageInput } from '../../contracts/stages'
import { writeJsonl } from '../../json-lines'
import { loadPolicy } from '../../model/policy'
import type { Model } from '../../model/model'
import type { Metrics } from '../../training/checkpoint'
import { measurePairs, trainDpo, type ReferencedPair } from '../../training/dpo'
import { withReference } from '../../training/reference-log-probs'
import { shareFigures } from '../figures'
import { CALIBRATION_FILE } from '../result-files'
import { heldOutQuality } from '../reward-model-measures'
import { lastMean, partNotes, trainingHost, type Stage, type StageHost } from '../stage'
import { loadedFor, saveTrained, trainable } from '../trainable'
import { splitPairs, trainingPairs } from '../training-pairs'

type Settings = StageInput<'dpo'>['settings']

export const dpo: Stage<'dpo'> = {
  async run(input, host) {
    const { settings, seed } = input
    const loaded = await loadPolicy(input.policy, host.open, loadedFor(settings))
    const pairs = splitPairs(await trainingPairs(input.labels, loaded, seed, host, 'dpo'), settings, seed, 'dpo')
    const policy = trainable(loaded.model, settings, seed)

    // before training the policy is the SFT model, an adapter included
    const onPart = partNotes(host)
    const kept = { folder: join(host.checkpoints, 'reference'), microBatchSize: settings.microBatchSize, onPart }
    const training = await withReference('training', policy, pairs.training, kept)
    const held = await withReference('held-out', policy, pairs.held, kept)

    const { history } = await trainDpo(
      policy,
      training,
      { ...settings, seed },
      trainingHost(host, 'training', settings.checkpointEvery),
      held.length > 0 ? (step, total) => validated(policy, held, settings, host, { step, total }) : undefined,
    )
    saveTrained(policy, host.output, { policy: input.policy, folder: loaded.folder })
    writeJsonl(join(host.output, LOG_FILE), history)
    const ofSftModel = input.labels.every(({ summary }) => summary.firstShare !== undefined) // not texts of the data
    return {
      ...trainingFigures(training, history, settings),
      ...(ofSftModel && { forwardKl: lastMean(history, 'forwardKl') }),
      ...(await heldOutFigures(policy, held, settings, host)),
    }
  },
}

/** The loss and the accuracy on the held-out pairs, every `validateEvery` steps and after the last one. */
async function validated(
  policy: Model,
  held: readonly ReferencedPair[],
  settings: Settings,
  host: StageHost,
  { step, total }: { step: number; total: number },
): Promise<Metrics> {
  if (step % settings.validateEvery !== 0 && step !== total) return {}
  const onMeasured = (done: number, of: number) => host.note(`validating: reading responses, ${done} of ${of}`)
  const { metrics } = await measurePairs(policy, held, settings, onMeasured)
  return { validationLoss: metrics.loss!, validationAccuracy: metrics.accuracy! }
}

const trainingFigures = (
  training: readonly ReferencedPair[],
  history: readonly Metrics[],
  { batchSize, beta }: Settings,
): Summary => ({
  pairs: training.length,
  steps: history.length,
  epochs: (history.length * batchSize) / training.length,
  beta,
  loss: lastMean(history, 'loss'),
  resumedAt: history.at(-1)!.resumedAt!,
})

/** What the implicit rewards say of pairs that were not learned from; writes their calibration. */
async function heldOutFigures(
  policy: Model,
  held: readonly ReferencedPair[],
  settings: Settings,
  host: StageHost,
): Promise<Summary> {
  if (held.length === 0) return { heldOut: 0, undecided: 0, ...shareFigures('accuracy', NOTHING), validationLoss: null }
  const { metrics, rewards } = await measurePairs(policy, held, settings)
  const quality = heldOutQuality(held, rewards)
  writeFileSync(join(host.output, CALIBRATION_FILE), JSON.stringify(quality.calibration, null, 2))
  return {
    heldOut: held.length,
    undecided: quality.undecided,
    ...shareFigures('accuracy', quality.accuracy),
    validationLoss: metrics.loss!,
    rewardMargin: metrics.rewardMargin!,
    chosenReward: metrics.chosenReward!,
    rejectedReward: metrics.rejectedReward!,
    calibrationError: quality.calibration.error,
  }
}

const NOTHING = { value: NaN, low: NaN, high: NaN, n: 0 }
