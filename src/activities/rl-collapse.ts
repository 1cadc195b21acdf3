// When a policy can no longer be trusted: the limits that end RL early.
import type { StageInput } from '../contracts/stages'
import type { Metrics } from '../training/checkpoint'
import { formatNumber } from '../number-format'

type Limits = Pick<StageInput<'rl'>['settings'], 'maxKl' | 'minEntropy' | 'minLength'>

/**
 * Mean difference, in nats, between log π of a token when it was sampled and in the training pass. Rounding to bfloat16
 * gives some hundredths; far more means that the update follows another policy than the one that was sampled from.
 */
const MAX_SAMPLER_GAP = 0.25

/** Why the policy has collapsed, by the limits in the settings, or undefined. */
export function collapsed(
  { kl, entropy, length, samplerGap = 0 }: Metrics,
  { maxKl, minEntropy, minLength }: Limits,
): string | undefined {
  if (kl! > maxKl)
    return (
      `KL to the SFT model is ${formatNumber(kl, 1)}, above rl.maxKl = ${maxKl}: ` +
      'lower the learning rate or raise rl.klWeight'
    )
  if (entropy! < minEntropy)
    return (
      `entropy is ${formatNumber(entropy, 4)}, below rl.minEntropy = ${minEntropy}: ` +
      'the policy has collapsed to few texts'
    )
  if (samplerGap > MAX_SAMPLER_GAP)
    return (
      `log-probabilities of sampled tokens differ by ${formatNumber(samplerGap, 3)} nats on average from those of the ` +
      `training pass, above ${MAX_SAMPLER_GAP}: set rl.precision to "float32"`
    )
  if (length! < minLength)
    return `responses have ${formatNumber(length, 1)} tokens, fewer than rl.minLength = ${minLength}`
  return undefined
}
