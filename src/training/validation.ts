// The reward on prompts kept out of training: greedy responses every so many steps, the best of them candidates for the final policy.
import type { Model } from '../model/model'
import type { CandidateRecord, Candidates } from './candidates'
import type { Metrics } from './checkpoint'
import type { RlSettings } from './policy-gradient'
import { mean } from '../mean'
import { rewardWithEosRule, sampleAndScore, type Reward } from './rollout'

export interface Validation {
  /** Of the policy before training. */
  initial: CandidateRecord
  /** For `RlTask`. */
  afterStep(step: number): Promise<Metrics>
}

/** @param policy before its first step */
export async function openValidation(
  policy: Model,
  prompts: readonly (readonly number[])[],
  reward: Reward,
  settings: Pick<RlSettings, 'sampling' | 'missingEosPenalty' | 'steps' | 'seed'> & { validateEvery: number },
  candidates: Candidates,
): Promise<Validation> {
  const sampling = { ...settings.sampling, temperature: 0 }
  const validate = async (step: number): Promise<CandidateRecord> => {
    const { samples, scores } = await sampleAndScore(
      policy,
      prompts,
      prompts.map((_, i) => i),
      reward,
      sampling,
      [settings.seed, 'validation'],
    )
    const ruled = scores.map((r, row) =>
      rewardWithEosRule(r, samples[row]!.stopped, settings.missingEosPenalty, reward.floor),
    )
    return { step, reward: mean(ruled), responses: samples.map(({ ids }) => ids) }
  }
  return {
    initial: await validate(0),
    async afterStep(step) {
      if (step % settings.validateEvery !== 0 && step !== settings.steps) return {}
      const record = await validate(step)
      candidates.consider(record, policy)
      return { validationReward: record.reward }
    },
  }
}
