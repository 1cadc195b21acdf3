// Online DPO on AI feedback (Guo et al., OAIF, arXiv 2402.04792): the pairs are sampled from the policy as it is now, and
// labelled at once.
//
//   at each step: prompts x, two responses y₁, y₂ ~ π(·|x) each, p = the labeler's probability that y₁ is better
//   L = −(1/B) Σ [ p log σ(h₁ − h₂) + (1 − p) log σ(h₂ − h₁) ],   h(y) = β [ log π(y|x) − log π_SFT(y|x) ]   (dpo.ts)
//
// The responses are constants: L has no gradient through the sampling. With p = σ(r₁ − r₂) the fixed point is that of DPO,
// π ∝ π_SFT · exp(r / β).
//
// Departures from the source:
//   1. Labels are soft, as everywhere here; the source's labeler chooses one response.
//   2. Every log-probability is taken at the sampling temperature, as in RL.
//   3. A pair without a label (longer than the labeler's context, or of two responses that certainly have the same value) is
//      left out of its step and counted.
import { mean } from '../mean'
import type { Model } from '../model/model'
import { openBatches } from './batches'
import { partOf, trainSteps, type Metrics, type TrainingHost, type TrainingResult } from './checkpoint'
import { updateOnPairs, type ReferencedPair } from './dpo'
import { endingOf, type RlTask } from './policy-gradient'
import { rollOut, type Response, type Reward, type RolloutSettings } from './rollout'
import { openOptimizer, type OptimizerSettings } from './update'

/** Two responses to a prompt, by the prompt's index. */
export interface LivePair {
  prompt: number
  first: readonly number[]
  second: readonly number[]
}

export interface LiveLabel {
  /** p, from 0 to 1. */
  preferFirst: number
  /** Whether the same slot won in both orders, if both were asked. */
  sameSlot?: boolean | undefined
}

/** Who compares responses while the policy trains. */
export interface LiveLabels {
  /**
   * One label for each pair, in order; undefined for a pair that cannot have one.
   * @param onLabelled called with the number of pairs labelled so far
   */
  label(pairs: readonly LivePair[], onLabelled?: (done: number) => void): Promise<(LiveLabel | undefined)[]>
}

export interface OnlineDpoSettings extends OptimizerSettings, Omit<RolloutSettings, 'missingEosPenalty'> {
  steps: number
  /** Pairs of a step, B: as many prompts, twice as many responses. */
  batchSize: number
  beta: number
  seed: number
}

export interface OnlineDpoTask extends Pick<RlTask, 'prompts' | 'afterStep' | 'collapsed' | 'finished'> {
  labels: LiveLabels
}

/**
 * Trains the policy in place.
 * @throws Diverged when a metric is not finite, or the policy collapsed, before the first checkpoint
 */
export async function trainOnlineDpo(
  { policy, reference }: { policy: Model; reference: Model },
  task: OnlineDpoTask,
  settings: OnlineDpoSettings,
  host: TrainingHost,
): Promise<TrainingResult> {
  const trained = { policy: { model: policy, optimizer: openOptimizer(settings) } }
  const batchOf = openBatches(task.prompts.length, { ...settings, stage: 'online-dpo' })
  const step = async (index: number): Promise<Metrics> => {
    const chosen = batchOf(index).flatMap((prompt) => [prompt, prompt])
    const { pairs, metrics } = await samplePairs({ policy, reference }, task, settings, chosen, host, index)
    if (pairs.length === 0) return metrics
    const pairLoss = { ...settings, temperature: settings.sampling.temperature }
    const onSlice = partOf(host, 'learning')
    const { forwardKl: _, ...learned } = updateOnPairs(trained.policy, pairs, pairLoss, settings.steps, onSlice)
    return { ...metrics, ...learned }
  }
  return trainSteps(settings.steps, trained, host, { step, ...endingOf(task) })
}

/** The pairs of a step that have a label, and what is logged of all. */
async function samplePairs(
  models: { policy: Model; reference: Model },
  { prompts, labels }: OnlineDpoTask,
  settings: OnlineDpoSettings,
  chosen: readonly number[],
  { onPart }: TrainingHost,
  index: number,
): Promise<{ pairs: ReferencedPair[]; metrics: Metrics }> {
  const given: (LiveLabel | undefined)[] = []
  const experience = { prompts, chosen, reward: labelling(labels, given), onPart }
  const key = [settings.seed, 'online-dpo', index]
  const rolled = await rollOut(models, experience, { ...settings, missingEosPenalty: 0 }, key)
  const { sequences, kl, metrics } = rolled
  const ofSft = (row: number) =>
    sequences[row]!.sampledLogProbs.reduce((sum, logProb, t) => sum + logProb - kl[row]![t]!, 0)
  const pairs = given.flatMap((label, i): ReferencedPair[] =>
    label
      ? [
          {
            first: sequences[2 * i]!,
            second: sequences[2 * i + 1]!,
            preferFirst: label.preferFirst,
            reference: [ofSft(2 * i), ofSft(2 * i + 1)],
          },
        ]
      : [],
  )
  const { reward: _, rawReward: __, ...sampled } = metrics // the labels take the place of rewards
  return { pairs, metrics: { ...sampled, ...labelMetrics(given) } }
}

/** Has the two responses to each prompt, which follow each other, labelled; nothing else is scored. */
const labelling = (labels: LiveLabels, given: (LiveLabel | undefined)[]): Reward => ({
  async score(responses, onScored) {
    const labelled = await labels.label(pairsIn(responses), (pairs) => onScored?.(2 * pairs))
    for (const label of labelled) given.push(label)
    return responses.map(() => 0)
  },
})

const pairsIn = (responses: readonly Response[]): LivePair[] =>
  Array.from({ length: responses.length / 2 }, (_, i) => ({
    prompt: responses[2 * i]!.prompt,
    first: responses[2 * i]!.ids,
    second: responses[2 * i + 1]!.ids,
  }))

function labelMetrics(given: readonly (LiveLabel | undefined)[]): Metrics {
  const labelled = given.filter((label) => label !== undefined)
  const asked = labelled.flatMap(({ sameSlot }) => (sameSlot === undefined ? [] : Number(sameSlot)))
  return {
    labels: labelled.length,
    unlabelled: given.length - labelled.length,
    ...(labelled.length > 0 && { confidence: mean(labelled.map(({ preferFirst }) => Math.abs(2 * preferFirst - 1))) }),
    ...(asked.length > 0 && { sameSlotShare: mean(asked) }),
  }
}

/**
 * Scores a response by how likely it is better than the first one that was scored for its prompt: that of the SFT model,
 * if this validates the policy before training. A response that cannot be compared counts one half, as a tie.
 */
export function winsOverFirst(labels: LiveLabels): Reward {
  const first = new Map<number, readonly number[]>()
  return {
    async score(responses, onScored) {
      for (const { prompt, ids } of responses) if (!first.has(prompt)) first.set(prompt, ids)
      const pairs = responses.map(({ prompt, ids }) => ({ prompt, first: ids, second: first.get(prompt)! }))
      return (await labels.label(pairs, onScored)).map((label) => label?.preferFirst ?? 0.5)
    },
  }
}
