// What a worker counts and measures of its stages, for Prometheus. No run is named in a label: a run is found by its logs.
import { Context } from '@temporalio/activity'
import { Counter, Gauge, Histogram } from 'prom-client'
import type { StageName, StageResult } from '../contracts/stages'
import type { Progress } from '../contracts/status'

const SECONDS = [0.1, 0.5, 1, 5, 15, 60, 300, 900, 3600, 4 * 3600, 12 * 3600, 48 * 3600]

const queueWait = new Histogram({
  name: 'rlaif_stage_queue_wait_seconds',
  help: 'How long a stage waited for a worker',
  labelNames: ['stage'],
  buckets: SECONDS,
})
const duration = new Histogram({
  name: 'rlaif_stage_duration_seconds',
  help: 'From start to end, of stages that were not in the store already',
  labelNames: ['stage', 'outcome'],
  buckets: SECONDS,
})
const stages = new Counter({
  name: 'rlaif_stages_total',
  help: 'Stages that ended, by outcome',
  labelNames: ['stage', 'outcome'],
})
const share = new Gauge({
  name: 'rlaif_stage_progress',
  help: 'Share of the phase that is done, of the stage that ran last',
  labelNames: ['stage'],
})
const rate = new Gauge({
  name: 'rlaif_rate',
  help: 'Items a second: labelled pairs, training steps, responses',
  labelNames: ['stage', 'unit'],
})
const training = new Gauge({
  name: 'rlaif_training',
  help: 'Of the last training step, by metric',
  labelNames: ['stage', 'metric'],
})

/** Figures of a stage that add up over stages. */
const SPENT: [figure: string, counter: Counter<'stage'>][] = [
  [
    'cost',
    new Counter({
      name: 'rlaif_cost_total',
      help: 'Money spent on labelers and judges, in the currency of `price`',
      labelNames: ['stage'],
    }),
  ],
  [
    'requests',
    new Counter({ name: 'rlaif_labeler_requests_total', help: 'Requests to endpoints', labelNames: ['stage'] }),
  ],
  [
    'promptTokens',
    new Counter({ name: 'rlaif_labeler_prompt_tokens_total', help: 'Tokens sent to endpoints', labelNames: ['stage'] }),
  ],
  [
    'completionTokens',
    new Counter({
      name: 'rlaif_labeler_completion_tokens_total',
      help: 'Tokens that endpoints wrote',
      labelNames: ['stage'],
    }),
  ],
  ['labels', new Counter({ name: 'rlaif_labels_total', help: 'Preference labels made', labelNames: ['stage'] })],
]
const RATE_EVERY_MS = 1_000

export interface StageMeter {
  progress(progress: Progress): void
  ended(outcome: 'computed' | 'reused' | 'failed' | 'cancelled' | 'handed back', result?: StageResult): void
}

export function openStageMeter(stage: StageName): StageMeter {
  const started = Date.now()
  let [lastDone, lastAt, lastPhase] = [0, started, '']
  queueWait.observe({ stage }, Math.max(0, started - Context.current().info.currentAttemptScheduledTimestampMs) / 1000)

  return {
    progress({ phase, done, total, unit, metrics = {} }) {
      share.set({ stage }, total > 0 ? done / total : 0)
      for (const [metric, value] of Object.entries(metrics)) training.set({ stage, metric }, value)
      if (phase !== lastPhase || done < lastDone) [lastDone, lastAt, lastPhase] = [done, Date.now(), phase]
      const elapsed = Date.now() - lastAt
      if (elapsed < RATE_EVERY_MS) return
      rate.set({ stage, unit }, ((done - lastDone) * 1000) / elapsed)
      ;[lastDone, lastAt] = [done, Date.now()]
    },
    ended(outcome, result) {
      stages.inc({ stage, outcome })
      if (outcome === 'reused') return
      duration.observe({ stage, outcome }, (Date.now() - started) / 1000)
      for (const [figure, counter] of SPENT) {
        const value = result?.summary[figure]
        if (typeof value === 'number' && value > 0) counter.inc({ stage }, value)
      }
    },
  }
}
