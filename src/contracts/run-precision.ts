// The `precision` of a run, put where it holds.
import { isRecord, longForm, overlayField } from './overlay'

/** The groups that have a `precision`, and what they are if they are not given. */
const GROUPS = { sft: {}, sample: {}, rewardModel: {}, rl: {}, evaluate: {}, labeler: 'default', judge: 'default' }

const isAskedElsewhere = (name: string, given: unknown) => {
  const labeler = longForm(name, given)
  return isRecord(labeler) && 'baseUrl' in labeler
}

/** Puts the `precision` of a run's input under its groups of settings. */
export function spreadPrecision(input: Record<string, unknown>): Record<string, unknown> {
  const { precision } = input
  if (precision === undefined) return input
  const groups = Object.entries(GROUPS)
    .filter(([name]) => !isAskedElsewhere(name, input[name]))
    .map(([name, byDefault]) => [
      name,
      overlayField(name, withField(name, byDefault, precision), input[name] ?? byDefault),
    ])
  return { ...input, ...Object.fromEntries(groups) }
}

const withField = (name: string, given: unknown, precision: unknown) => ({
  ...(longForm(name, given) as Record<string, unknown>),
  precision,
})
