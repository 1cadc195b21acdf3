// What is said of a stage in few words, in the terminal and on a page.
import type { Progress, StageStatus } from '../contracts/status'
import { counted, formatBytes, formatCount, formatDuration, formatNumber } from '../number-format'
import type { Attempt } from './snapshot'

/** Metrics shown next to the bar if a step has them, and their names there. */
const SHOWN_METRICS: [metric: string, name: string][] = [
  ['loss', 'loss'],
  ['policyLoss', 'loss'],
  ['reward', 'reward'],
  ['kl', 'KL'],
  ['accuracy', 'accuracy'],
]

/** E.g. "3/18 steps". */
export const amountText = ({ done, total, unit }: Progress): string =>
  unit === 'bytes'
    ? `${formatBytes(done)} of ${formatBytes(total)}`
    : `${formatCount(done)}/${counted(total, unit.replace(/s$/, ''), unit)}`

/** E.g. "reward 0.512  KL 0.031". */
export function metricsText({ metrics = {} }: Progress): string {
  return SHOWN_METRICS.filter(([metric]) => metrics[metric] !== undefined)
    .map(([metric, name]) => `${name} ${formatNumber(metrics[metric], 3)}`)
    .join('  ')
}

/** E.g. "attempt 2 of 3". */
export const numberOf = ({ number, most }: Attempt) => `attempt ${number}${most === undefined ? '' : ` of ${most}`}`

/** What an attempt waits for that no worker has yet. */
export function attemptText(attempt: Attempt): string {
  const { number, state, startsAt = 0, queue } = attempt
  if (state === 'pausing') {
    const at = new Date(startsAt).toISOString().slice(11, 19)
    return `pausing: ${numberOf(attempt)} starts in ${formatDuration((startsAt - Date.now()) / 1000)}, at ${at} UTC`
  }
  const what = number > 1 ? `${numberOf(attempt)} is ` : ''
  if (state === 'paused') return `${what || 'is '}paused: unpause its activity in the UI`
  if (state !== 'waiting for a worker') return `${what}starting`
  return `${what}waiting for a worker${queue === undefined ? '' : ` of the task queue ${queue}`}`
}

/** What is said of a stage that does not run any more. */
export function finishedText({ state, seconds, message }: StageStatus): string {
  if (state === 'reused') return 'reused: already finished with the same settings'
  if (state === 'done') return [formatDuration(seconds), ...(message === undefined ? [] : [message])].join('  ')
  return message ?? state
}
