// What a watch finds at the validations of a training, and what follows from it.
import { join } from 'node:path'
import type { Summary } from '../contracts/artifact'
import {
  firstOverOptimization,
  meanWatched,
  overOptimization,
  type OverOptimization,
} from '../evaluation/over-optimization'
import type { TTest } from '../evaluation/student'
import { largest } from '../extremes'
import type { Model } from '../model/model'
import { formatNumber } from '../number-format'
import { openCandidates, type CandidateRecord } from '../training/candidates'
import type { Metrics } from '../training/checkpoint'
import type { Watch } from '../training/validation'
import type { StageHost } from './stage'
import type { OpenedWatch } from './watch'

/** A run that parks because the reward no longer means what it should: a person decides. */
class OverOptimized extends Error {
  override name = 'OverOptimized'
}

/** What the watch has found, once training is over. */
export interface Found {
  figures: Summary
  /** The validation that training goes back to, if it does. */
  back?: { step: number; withPolicy(use: (policy: Model) => void): void }
}

export interface WatchAlarm extends Watch {
  /** Whether training ends after these steps. */
  finished(history: readonly Metrics[]): boolean
  /** Says what earlier attempts have seen. */
  remind(validations: readonly CandidateRecord[]): void
  /** @throws where the run is to park */
  found(validations: readonly CandidateRecord[], policy: Model): Found
}

interface Schedule {
  steps: number
  validateEvery: number
}

export function openAlarm(
  { action, name, field, see }: OpenedWatch,
  { steps, validateEvery }: Schedule,
  host: StageHost,
): WatchAlarm {
  const planned = Math.ceil(steps / validateEvery)
  const best = openCandidates(join(host.checkpoints, 'watched'), 1)
  const firstAlarm = (validations: readonly CandidateRecord[]) =>
    firstOverOptimization(validations.map(asWatched), planned)
  return {
    see,
    conclude(validations, policy) {
      const now = asWatched(validations.at(-1)!)
      const { step, responses } = validations.at(-1)!
      if (action === 'back' || action === 'park') best.consider({ step, reward: meanWatched(now), responses }, policy)
      const alarm = overOptimization(validations.map(asWatched), planned)
      const first = alarm && firstAlarm(validations)
      if (first?.step === step) host.warn(sentence(first, name))
      const missing = now.watched.filter((value) => value === null).length
      return {
        watch: meanWatched(now),
        ...(missing > 0 && { watchUnanswered: missing }),
        watchAlarm: Number(alarm !== undefined),
      }
    },
    finished: (history) => action !== 'warn' && history.some(({ watchAlarm }) => watchAlarm === 1),
    remind(validations) {
      const alarm = firstAlarm(validations)
      if (alarm) host.warn(sentence(alarm, name))
    },
    found(validations, policy) {
      const alarm = firstAlarm(validations)
      const means = validations.map((record) => meanWatched(asWatched(record)))
      const figures = { watch: name, watchBefore: means[0]!, watchBest: largest(means), watchLast: means.at(-1)! }
      if (!alarm) return { figures }
      const text = sentence(alarm, name)
      if (action === 'park') throw parked(alarm, text, field)
      if (action !== 'back') return { figures: { ...figures, ...consequence(action, text, alarm) } }
      const record = best.list().find(({ step }) => step === alarm.best)
      if (!record)
        throw new Error(`training: the policy of step ${alarm.best}, which the watch liked best, is not kept`)
      return {
        figures: { ...figures, ...consequence(action, text, alarm), policyStep: alarm.best },
        back: { step: alarm.best, withPolicy: (use) => best.withPolicy(record, policy, use) },
      }
    },
  }
}

const asWatched = ({ step, rewards = [], watched = [] }: CandidateRecord) => ({ step, rewards, watched })

const byText = ({ value, low, high }: TTest, sign: 1 | -1): string => {
  const bounds = [sign * low, sign * high].sort((a, b) => a - b).map((bound) => formatNumber(bound, 3))
  return `${formatNumber(sign * value, 3)}${Number.isNaN(low) ? '' : ` (95 % interval ${bounds.join(' to ')})`}`
}

/** E.g. "over-optimized: from step 6 to 24 the reward rose by 0.2, while the watch, X, fell by 0.3 since step 18". */
const sentence = ({ best, since, step, rise, change }: OverOptimization, name: string): string =>
  `over-optimized: from step ${since} to step ${step} the reward rose by ${byText(rise, 1)}, ` +
  `while the watch, ${name}, fell by ${byText(change, -1)}${since === best ? '' : ` since step ${best}`}, ` +
  `on ${change.n} validation prompts`

function consequence(action: 'warn' | 'stop' | 'back', text: string, { best, step }: OverOptimization): Summary {
  if (action === 'warn') return { overOptimized: `${text}; training went on` }
  const ended = action === 'stop' ? 'training ended there' : `the policy is that of step ${best}`
  return { overOptimized: `${text}; ${ended}`, stopped: `the watch saw over-optimization at step ${step}; ${ended}` }
}

const parked = ({ best }: OverOptimization, text: string, field: string): Error =>
  new OverOptimized(
    `training: ${text}. Retry with ${field}.action "back" to take the policy of step ${best}, "stop" to take that ` +
      'of now, or "warn" to train on; or with another reward, a higher KL penalty or fewer steps, from the start',
  )
