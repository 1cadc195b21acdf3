// Validation on prompts kept out of training: greedy responses every `validateEvery` steps. The policies with the
// highest mean reward become candidates for the final one.
import { OF_VALIDATION } from '../contracts/rubric-metrics'
import { mean } from '../mean'
import type { Model } from '../model/model'
import type { CandidateRecord, Candidates } from './candidates'
import { Diverged, type Metrics, type OnPart } from './checkpoint'
import type { RlSettings } from './policy-gradient'
import { rewardWithEosRule, sampleAndScore, type Prompts, type Response, type Reward } from './rollout'

interface Validation {
  /** The record of the policy before training. */
  initial: CandidateRecord
  /** The hook of the same name in `RlTask`. */
  afterStep(step: number): Promise<Metrics>
}

/** A second judge, which the policy is not trained on. */
export interface Watch {
  /** What it gives each response, in their order; null where it gave no answer. */
  see(responses: readonly Response[], onSeen?: (done: number) => void): Promise<(number | null)[]>
  /**
   * Draws its conclusion from the validations so far, the first before training.
   * @param policy as it is at the last of them
   * @returns what joins the metrics of the step
   */
  conclude(validations: readonly CandidateRecord[], policy: Model): Metrics
}

interface ValidationTask {
  /** The held-out prompts. */
  prompts: Prompts
  reward: Reward
  candidates: Candidates
  watch?: Watch | undefined
  onPart?: OnPart | undefined
}

const ofValidation =
  (onPart: OnPart): OnPart =>
  (doing, done, total) =>
    onPart(`validating: ${doing}`, done, total)

/**
 * Validates the policy at once, and then after every `validateEvery` steps and the last.
 * @param policy before its first step
 * @throws Diverged when the reward before training is not finite: the reward function is broken, not the policy
 */
export async function openValidation(
  policy: Model,
  { prompts, reward, candidates, watch, onPart }: ValidationTask,
  settings: Pick<RlSettings, 'sampling' | 'missingEosPenalty' | 'steps' | 'seed'> & { validateEvery: number },
): Promise<Validation> {
  const sampling = { ...settings.sampling, temperature: 0 }
  const chosen = Array.from({ length: prompts.length }, (_, i) => i)
  const validate = async (step: number): Promise<{ record: CandidateRecord; metrics: Metrics }> => {
    const task = { prompts, chosen, reward, onPart: onPart && ofValidation(onPart) }
    const { samples, scores, metrics } = await sampleAndScore(policy, task, sampling, [settings.seed, 'validation'])
    const rewards = scores.map((r, row) =>
      rewardWithEosRule(r, samples[row]!.stopped, settings.missingEosPenalty, reward.floor),
    )
    const named = Object.entries(metrics).map(([name, value]) => [`${OF_VALIDATION}${name}`, value] as const)
    const responses = samples.map(({ ids }) => ids)
    const onSeen = (done: number) => task.onPart?.('watching', done, prompts.length)
    const seen = watch && {
      watched: await watch.see(
        responses.map((ids, prompt) => ({ prompt, ids })),
        onSeen,
      ),
    }
    return { record: { step, reward: mean(rewards), responses, rewards, ...seen }, metrics: Object.fromEntries(named) }
  }
  const { record: initial } = await validate(0)
  if (!Number.isFinite(initial.reward))
    throw new Diverged(
      `training: the mean reward of the validation prompts is ${initial.reward} before the first step; ` +
        'train the reward model again with a lower learning rate',
    )
  watch?.conclude([initial], policy)
  return {
    initial,
    async afterStep(step) {
      if (step % settings.validateEvery !== 0 && step !== settings.steps) return {}
      const { record, metrics } = await validate(step)
      onPart?.('validating: writing the candidate', 0, 1)
      if (!Number.isFinite(record.reward)) return { validationReward: record.reward, ...metrics }
      candidates.consider(record, policy)
      const soFar = candidates.all().filter((one) => one.step <= step)
      return { validationReward: record.reward, ...metrics, ...watch?.conclude([initial, ...soFar], policy) }
    },
  }
}
