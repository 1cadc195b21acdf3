// Group relative policy optimization, GRPO (Shao et al., DeepSeekMath, arXiv 2402.03300), and the variants of it that
// Yu et al. (DAPO, arXiv 2503.14476) and Liu et al. (Dr. GRPO, "Understanding R1-Zero-like training", arXiv 2503.20783)
// found to matter.
//
//   R_i = (1−β) r_i − β Σ_t k1_it                     of k responses y_i to the same prompt
//   A_i = (R_i − mean_j R_j) / (s + ε)                `advantageScale: "std"`; s² = Σ_j (R_j − mean R)² / (k−1), ε = 10⁻⁴
//       =  R_i − mean_j R_j                           `advantageScale: "none"` (Dr. GRPO)
//   L   = −Σ_i w_i Σ_t log π(a_it | X_it) · A_i
//   w_i = 1 / (B |y_i|)                               `lossMean: "sequence"`: of each response, then of the B responses
//       = 1 / Σ_j |y_j|                               `lossMean: "token"`: of all tokens of the batch (DAPO)
//       = 1 / (B T)                                   `lossMean: "constant"`: T is the token limit (Dr. GRPO)
//
// Departures from Shao et al.:
//   1. The KL penalty is in the reward, with the β of the paper (RLAIF, §2.2.2), and not a k3 term of the loss. Where J is
//      largest, at π ∝ π_SFT · exp((1−β) r / β), all R_i of a prompt are equal and every A_i is 0: each variant has the
//      optimum of REINFORCE and RLOO. With the term in the loss, dividing by s would move it.
//   2. Each batch is used for one update: π is the policy that sampled it, the ratio is 1, and nothing is clipped.
//   3. The denominator of s² is k − 1, and ε is 10⁻⁴, as in TRL.
//   4. Temperature and end-of-turn rule are those of reinforce.ts, so that the algorithms can be compared.
import { mean } from '../mean'
import type { Model } from '../model/model'
import type { TrainingHost, TrainingResult } from './checkpoint'
import type { RlTask } from './policy-gradient'
import { inGroups, trainOnGroups, type GroupSettings, type WeighReturns } from './response-groups'

export interface GrpoSettings extends GroupSettings {
  /** What advantages are divided by: the standard deviation of their group's returns (default), or nothing. */
  advantageScale?: 'std' | 'none' | undefined
  /** What the loss is a mean over: responses of means over their tokens (default), tokens, or B times the token limit. */
  lossMean?: 'sequence' | 'token' | 'constant' | undefined
}

/** Keeps the advantages of a group whose returns are all but equal small. */
const EPSILON = 1e-4

/** A_i of the returns R_i of one prompt's responses, and their standard deviation s: [k] → [k], k ≥ 2. */
export function groupAdvantages(
  returns: readonly number[],
  scale: 'std' | 'none' = 'std',
): { advantages: number[]; spread: number } {
  const center = mean(returns)
  const centered = returns.map((r) => r - center)
  const spread = Math.sqrt(centered.reduce((sum, d) => sum + d * d, 0) / (returns.length - 1))
  return { advantages: scale === 'std' ? centered.map((d) => d / (spread + EPSILON)) : centered, spread }
}

/** B · w_i of a response: the loss that is shared with RLOO divides by B itself. */
function tokenWeight(
  length: number,
  lengths: readonly number[],
  { lossMean = 'sequence', sampling }: Pick<GrpoSettings, 'lossMean' | 'sampling'>,
): number {
  if (lossMean === 'sequence') return 1 / length
  return lossMean === 'token' ? 1 / mean(lengths) : 1 / sampling.maxTokens
}

/** What the policy learns from a batch of groups, by the variant that is set. */
export const weighGroups =
  (settings: Pick<GrpoSettings, 'groupSize' | 'advantageScale' | 'lossMean' | 'sampling'>): WeighReturns =>
  (returns, lengths) => {
    const groups = inGroups(returns, settings.groupSize).map((group) => groupAdvantages(group, settings.advantageScale))
    const advantages = groups.flatMap((group) => group.advantages)
    return {
      perToken: advantages.map((a, i) => a * tokenWeight(lengths[i]!, lengths, settings)),
      metrics: {
        advantageSize: mean(advantages.map(Math.abs)),
        returnSpread: mean(groups.map(({ spread }) => spread)),
      },
    }
  }

/**
 * Trains the policy in place.
 * @throws Diverged when a metric is not finite, or the policy collapsed, before the first checkpoint
 */
export const trainGrpo = (
  models: { policy: Model; reference: Model },
  task: RlTask,
  settings: GrpoSettings,
  host: TrainingHost,
): Promise<TrainingResult> => trainOnGroups(models, task, settings, host, weighGroups(settings))
