// The rewards of stage `rl`: scores of a reward model, or direct scores of the labeler.
import type { Summary } from '../contracts/artifact'
import type { StageInput } from '../contracts/stages'
import { InvalidInput } from '../contracts/parse'
import type { Precision } from '../contracts/precision'
import { isEndpoint, membersOf } from '../contracts/labeler-settings'
import type { Row } from '../data/row'
import type { Task } from '../data/task'
import { stripTrailingJunk } from '../feedback/direct-score'
import { saysOutage, unansweredError } from '../feedback/endpoint-errors'
import { isUnanswered } from '../feedback/labeler'
import { liveScores, type LiveScore } from '../feedback/live-score'
import { readModelConfig } from '../model/folder'
import type { LoadedModel } from '../model/loaded'
import type { Model } from '../model/model'
import { policyFolders, withAdapters, type PolicyFolders } from '../model/policy'
import { SCORE_HEAD } from '../model/weight-names'
import { loadModel } from '../model/weights'
import { rewards } from '../training/reward-model'
import { mean } from '../mean'
import type { Metrics } from '../training/checkpoint'
import type { Response, Reward } from '../training/rollout'
import { CRITERION } from '../contracts/rubric-metrics'
import { askedDespiteOutage } from './despite-outage'
import { openLabeler, type OpenedLabeler } from './labeler'
import { LOWEST_SCORE } from './reward-floor'
import { readRewardShift } from './reward-shift'
import { promptsOf } from './rows'
import type { StageHost } from './stage'
import { modelVocabulary, refuseOtherVocabulary } from './vocabulary'

export interface OpenedReward {
  /** The reward function for responses to these rows of the data. */
  rewardFor(rows: readonly Row[]): Reward
  /** Name of the labeler that scores, if it is one. */
  labeler?: string
  /** Who is asked for that. */
  jurors?: OpenedLabeler['jurors']
  /** What asking a labeler has cost so far, for the stage's figures. */
  spent(): Summary
}

export async function openReward(
  input: StageInput<'rl'>,
  task: Task,
  loaded: LoadedModel,
  host: StageHost,
): Promise<OpenedReward> {
  if (!input.rewardModel) return directReward(input, task, loaded, host)
  const folders = await policyFolders(input.rewardModel, host.open)
  refuseOtherVocabulary(
    'rl',
    { name: `the policy ${input.policy.uri}`, vocabulary: loaded.tokenizer.vocabulary() },
    { name: `the reward model ${input.rewardModel.uri}`, vocabulary: modelVocabulary(folders.folder) },
    'give a reward model that was trained from a model of the same tokenizer, or leave it out: ' +
      'a labeler then scores the texts',
  )
  return rewardModelReward(await host.open(input.rewardModel), loadRewardModel(folders, input.settings.precision), {
    loaded,
    batchSize: input.settings.microBatchSize,
  })
}

/** A reward model with its score head: a whole folder, or an adapter that brings the head. */
function loadRewardModel({ folder, adapters }: PolicyFolders, precision: Precision | undefined): Model {
  if (adapters.length > 0) return withAdapters(loadModel(folder, {}, precision), adapters)
  return loadModel(folder, { [SCORE_HEAD]: [1, readModelConfig(folder).hiddenSize] }, precision)
}

/** @param folder of the reward model's artifact */
function rewardModelReward(
  folder: string,
  model: Model,
  { loaded, batchSize }: { loaded: LoadedModel; batchSize: number },
): OpenedReward {
  const subtractShift = readRewardShift(folder)
  return {
    spent: () => ({}),
    rewardFor(rows) {
      const prompts = promptsOf(loaded, rows)
      return {
        async score(responses, onScored) {
          const sequences = responses.map(({ prompt, ids }) => ({ prompt: prompts.at(prompt)!, response: ids }))
          return subtractShift(await rewards(model, sequences, batchSize, onScored))
        },
      }
    },
  }
}

/** A response without a score stops the step: a made-up reward would be noise to the policy. */
async function directReward(
  input: StageInput<'rl'>,
  task: Task,
  { tokenizer, model }: LoadedModel,
  host: StageHost,
): Promise<OpenedReward> {
  if (!input.labeler) throw new InvalidInput('rl: neither a reward model nor a labeler is given')
  const opened = await openLabeler(input.labeler, host, 'labeler', { artifact: input.policy, model })
  const { labeler, technique, jurors, spent } = opened
  const overlaps = membersOf(input.labeler.settings).every(isEndpoint)
  const rewardFor = (rows: readonly Row[]): Reward => {
    const tally = openScoreTally()
    return {
      floor: LOWEST_SCORE,
      overlaps,
      takeMetrics: tally.take,
      async score(responses: readonly Response[], onScored) {
        const shown = responses.map(({ prompt, ids }) => ({
          context: rows[prompt]!.context,
          response: stripTrailingJunk(tokenizer.decode(ids).trim()),
        }))
        const ask = () => liveScores(labeler, shown, { task, technique, onProgress: onScored })
        return (await askedDespiteOutage(ask, labeler.name, host)).map((score) => {
          if (isUnanswered(score))
            throw unansweredError(`rl: ${labeler.name} gave no score: ${score.failed}`, saysOutage(score.failed))
          tally.add(score)
          return score.reward
        })
      },
    }
  }
  return { rewardFor, labeler: labeler.name, jurors, spent }
}

/** Means of what scores say beside the reward: the criteria of a rubric, the disagreement of a jury. */
function openScoreTally() {
  const values = new Map<string, number[]>()
  const note = (name: string, value: number) => void values.set(name, [...(values.get(name) ?? []), value])
  return {
    add({ criteria = {}, disagreement }: LiveScore): void {
      for (const [name, value] of Object.entries(criteria)) note(`${CRITERION}${name}`, value)
      if (disagreement !== undefined) note('disagreement', disagreement)
    },
    /** Of the scores since it was last called; empty where there is only the reward. */
    take(): Metrics {
      const means = [...values].map(([name, each]) => [name, mean(each)] as const)
      values.clear()
      return Object.fromEntries(means.sort(([a], [b]) => (a < b ? -1 : 1)))
    },
  }
}
