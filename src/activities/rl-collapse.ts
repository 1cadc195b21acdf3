// When a policy can no longer be trusted: the limits that end RL or online DPO early.
import type { StageInput } from '../contracts/stages'
import type { Metrics } from '../training/checkpoint'
import { formatNumber } from '../number-format'

type Limits = Pick<StageInput<'rl'>['settings'], 'maxKl' | 'minEntropy' | 'minLength'>

/**
 * Mean difference, in nats, between log π of a token when it was sampled and in the training pass. Rounding to bfloat16
 * gives some hundredths; far more means that the update follows another policy than the one that was sampled from.
 */
const MAX_SAMPLER_GAP = 0.25

/** Settings that hold the limits, and what holds the policy back more. */
interface Named {
  group: 'rl' | 'onlineDpo'
  penalty: 'klWeight' | 'beta'
}

/** Why the policy has collapsed, by the limits in the settings, or undefined. */
export function collapsed(
  { kl, entropy, length, samplerGap = 0 }: Metrics,
  { maxKl, minEntropy, minLength }: Limits,
  { group, penalty }: Named = { group: 'rl', penalty: 'klWeight' },
): string | undefined {
  if (kl! > maxKl)
    return (
      `KL to the SFT model is ${formatNumber(kl, 1)}, above ${group}.maxKl = ${maxKl}: ` +
      `lower the learning rate or raise ${group}.${penalty}`
    )
  if (entropy! < minEntropy)
    return (
      `entropy is ${formatNumber(entropy, 4)}, below ${group}.minEntropy = ${minEntropy}: ` +
      'the policy has collapsed to few texts'
    )
  if (samplerGap > MAX_SAMPLER_GAP)
    return (
      `log-probabilities of sampled tokens differ by ${formatNumber(samplerGap, 3)} nats on average from those of the ` +
      `training pass, above ${MAX_SAMPLER_GAP}: set ${group}.precision to "float32"`
    )
  if (length! < minLength)
    return `responses have ${formatNumber(length, 1)} tokens, fewer than ${group}.minLength = ${minLength}`
  return undefined
}
