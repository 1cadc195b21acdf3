// Stage `reward-model`: a score head on the SFT model, trained on labels of people, of a labeler, or of both.
import type { Model } from '../../model/model'
import { loadPolicy } from '../../model/policy'
import type { Sequence } from '../../training/gradients'
import { addScoreHead, paddingGap, rewards, trainRewardModel } from '../../training/reward-model'
import { fitScoreHead } from '../../training/fitted-head'
import { classifierConfig } from '../../model/classifier-config'
import {
  bothResponses,
  measuresOf,
  refusePaddingGap,
  writeMeasured,
  type MeasuredScores,
} from '../reward-model-measures'
import { trainingHost, type Stage } from '../stage'
import { loadedFor, saveTrained, trainable } from '../trainable'
import { splitPairs, trainingPairs } from '../training-pairs'

export const rewardModel: Stage<'reward-model'> = {
  async run(input, host) {
    const { settings, seed } = input
    const loaded = await loadPolicy(input.policy, host.open, loadedFor(settings))
    const pairs = splitPairs(await trainingPairs(input.labels, loaded, seed, host), settings, seed)

    const model = trainable(loaded.model, settings, seed)
    addScoreHead(model, seed)
    if (settings.head === 'fitted')
      await fitScoreHead(model, pairs.training, settings.microBatchSize, (done) =>
        host.note(`fitting the head, ${done}`),
      )
    const { history } = await trainRewardModel(
      model,
      pairs.training,
      { ...settings, seed },
      trainingHost(host, 'training', settings.checkpointEvery),
    )

    const measures = await measuresOf(input, pairs, loaded, host)
    const gap = paddingGap({ ...model, precision: 'float32' }, measures.checked)
    refusePaddingGap(gap)
    const onScored = (done: number) => host.note(`scoring responses, ${done}`)
    const score = (sequences: readonly Sequence[]) => rewards(model, sequences, settings.microBatchSize, onScored)
    const scores: MeasuredScores = {
      paddingGap: gap,
      averaged: await score(measures.averaged),
      held: await score(bothResponses(measures.held)),
      human: await score(bothResponses(measures.human)),
    }
    saveTrained(asSequenceClassifier(model), host.output, { policy: input.policy, folder: loaded.folder })
    return writeMeasured(host.output, measures, scores, { history, batchSize: settings.batchSize })
  },
}

/** A configuration with which transformers loads the folder with its score head. */
const asSequenceClassifier = (model: Model): Model => ({
  ...model,
  config: { ...model.config, raw: classifierConfig(model.config.raw) },
})
