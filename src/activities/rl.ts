// Stage `rl`: REINFORCE against a reward model, or against the labeler's direct scores.
import { join } from 'node:path'
import { LOG_FILE } from '../artifacts/store'
import { InvalidInput } from '../contracts/parse'
import type { StageInput } from '../contracts/stages'
import { writeJsonl } from '../data/jsonl'
import type { Row } from '../data/row'
import type { Task } from '../data/task'
import { directRewards, scoreQuestion, stripTrailingJunk } from '../feedback/direct-score'
import { isUnanswered } from '../feedback/labeler'
import { readModelConfig } from '../model/folder'
import { loadModelAndTokenizer, stopIds, type LoadedModel } from '../model/loaded'
import { cloneModel, loadModel } from '../model/weights'
import { SCORE_HEAD } from '../model/weight-names'
import { trainReinforce, type Reward } from '../training/reinforce'
import { addScoreHead, rewards } from '../training/reward-model'
import { openLabeler } from './labeler'
import { promptIds, readData } from './rows'
import { lastMean, trainingHost, type Stage, type StageHost } from './stage'
import { saveTrained, trainable } from './trainable'

export const rl: Stage<'rl'> = {
  async run(input, host) {
    const { task, train } = readData(host.open(input.data))
    const loaded = loadModelAndTokenizer(host.open(input.policy))
    const prompts = train.map((row) => promptIds(loaded, row))
    const reward = input.rewardModel ? rewardModelReward(input.rewardModel, prompts, input.settings.microBatchSize, host) : directReward(input, task, train, loaded, host)
    const policy = trainable(loaded.model, input.settings, input.seed)
    const value = trainable(cloneModel(loaded.model), input.settings, input.seed + 1)
    const reference = policy.lora ? loaded.model : cloneModel(loaded.model) // an adapter leaves the weights it started from
    addScoreHead(value, input.seed, 0)
    const { temperature, ...settings } = input.settings
    const sampling = { maxTokens: input.limits.responseTokens, temperature, stopIds: stopIds(loaded), batchSize: settings.batchSize }
    const history = await trainReinforce({ policy, reference, value }, prompts, reward, { ...settings, sampling, seed: input.seed }, trainingHost(host, 'training', settings.checkpointEvery))
    saveTrained(policy, host.output, loaded.folder)
    writeJsonl(join(host.output, LOG_FILE), history)
    return {
      steps: history.length,
      reward: input.rewardModel ? 'reward model' : 'direct score',
      firstReward: history[0]!.rawReward!,
      lastReward: lastMean(history, 'rawReward'),
      kl: lastMean(history, 'kl'),
      resumedAt: history.at(-1)!.resumedAt!,
    }
  },
}

function rewardModelReward(artifact: NonNullable<StageInput<'rl'>['rewardModel']>, prompts: readonly number[][], batchSize: number, host: StageHost): Reward {
  const folder = host.open(artifact)
  const model = loadModel(folder, { [SCORE_HEAD]: [1, readModelConfig(folder).hiddenSize] })
  return { score: (responses) => rewards(model, responses.map(({ prompt, ids }) => ({ prompt: prompts[prompt]!, response: ids })), batchSize) }
}

/** A response that could not be scored stops the step: a made-up reward would train the policy on nothing. */
function directReward(input: StageInput<'rl'>, task: Task, rows: readonly Row[], { tokenizer }: LoadedModel, host: StageHost): Reward {
  if (!input.labeler) throw new InvalidInput('rl: neither a reward model nor a labeler is given')
  const { labeler } = openLabeler(input.labeler, host)
  return {
    floor: -1,
    async score(responses) {
      const questions = responses.map(({ prompt, ids }) => scoreQuestion(task, rows[prompt]!.context, stripTrailingJunk(tokenizer.decode(ids).trim())))
      return (await directRewards(labeler, questions)).map((reward) => {
        if (isUnanswered(reward)) throw new Error(`rl: ${labeler.name} gave no score: ${reward.failed}`)
        return reward
      })
    },
  }
}
