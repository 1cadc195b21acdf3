// Stage `reward-model`: a score head on the SFT model, trained on soft labels.
import { join } from 'node:path'
import { LOG_FILE } from '../artifacts/store'
import { InvalidInput } from '../contracts/parse'
import { readJsonl, writeJsonl } from '../data/jsonl'
import { wilson } from '../evaluation/statistics'
import { loadModelAndTokenizer } from '../model/loaded'
import { permutation } from '../random'
import { addScoreHead, rewards, trainRewardModel, type LabelledPair } from '../training/reward-model'
import type { Model } from '../model/model'
import { labelledSchema, promptIds } from './rows'
import { lastMean, trainingHost, type Stage } from './stage'
import { saveTrained, trainable } from './trainable'

export const rewardModel: Stage<'reward-model'> = {
  async run(input, host) {
    const labels = readJsonl(join(host.open(input.labels), 'labels.jsonl'), labelledSchema)
    const loaded = loadModelAndTokenizer(host.open(input.policy))
    const pairs = labels.map((label): LabelledPair => {
      const prompt = promptIds(loaded, label)
      return { first: { prompt, response: label.first.ids }, second: { prompt, response: label.second.ids }, preferFirst: label.preferFirst }
    })
    const shuffled = permutation(pairs.length, [input.seed, 'reward-model-split']).map((i) => pairs[i]!)
    const held = shuffled.slice(0, Math.floor(pairs.length * input.settings.heldOutShare))
    const training = shuffled.slice(held.length)
    if (training.length === 0) throw new InvalidInput('reward-model: no labelled pair to train on; label more prompts')

    const model = trainable(loaded.model, input.settings, input.seed)
    addScoreHead(model, input.seed)
    const history = await trainRewardModel(model, training, { ...input.settings, seed: input.seed }, trainingHost(host, 'training', input.settings.checkpointEvery))
    const accuracy = await heldOutAccuracy(model, held, input.settings.microBatchSize)
    saveTrained(asSequenceClassifier(model), host.output, loaded.folder)
    writeJsonl(join(host.output, LOG_FILE), history)
    return { pairs: training.length, heldOut: held.length, steps: history.length, loss: lastMean(history, 'loss'), accuracy: accuracy.value, accuracyLow: accuracy.low, accuracyHigh: accuracy.high }
  },
}

/** How often the model orders a held-out pair as its label does; null-like 0 of 0 when nothing is held out. */
async function heldOutAccuracy(model: Model, pairs: readonly LabelledPair[], batchSize: number) {
  const scores = await rewards(model, pairs.flatMap(({ first, second }) => [first, second]), batchSize)
  const right = pairs.filter(({ preferFirst }, i) => scores[2 * i]! > scores[2 * i + 1]! === preferFirst > 0.5).length
  const share = wilson(right, pairs.length)
  return pairs.length > 0 ? share : { ...share, value: null }
}

/** The name transformers gives the family's classifier, from that of its language model. */
const classifierOf = ({ architectures }: Record<string, unknown>) => String((architectures as string[] | undefined)?.[0] ?? 'LlamaForCausalLM').replace(/(ForCausalLM|LMHeadModel)$/, 'ForSequenceClassification')

/** So that transformers loads the folder with its score head. */
function asSequenceClassifier(model: Model): Model {
  return { ...model, config: { ...model.config, raw: { ...model.config.raw, architectures: [classifierOf(model.config.raw)], num_labels: 1 } } }
}
