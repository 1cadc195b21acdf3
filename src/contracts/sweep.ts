// Sweeps: one workflow at many settings. Which trials there are follows from the input alone (sweep-trials.ts).
import { z } from 'zod'
import { artifactGiven, artifactUri, type Artifact } from './artifact'
import { isRecord, overlay } from './overlay'
import { queuesSchema } from './queues'
import { cacheSchema, notifySchema, onFailureSchema } from './run-settings'
import { seedSchema } from './settings'
import { sweepPresets, type SweepPreset } from './sweep-presets'

export const SWEPT = [
  'align',
  'compare',
  'labelStudy',
  'sft',
  'sample',
  'label',
  'rewardModel',
  'rl',
  'evaluate',
  'miniature',
] as const
export type Swept = (typeof SWEPT)[number]

const fieldPath = z.string().regex(/^[A-Za-z]\w*(\.\w+)*$/, 'wants the path of a field, e.g. "rl.klWeight"')
const axisSchema = z
  .strictObject({
    field: fieldPath.describe('Of the input of the workflow, e.g. "rl.klWeight" or "labeler.preamble".'),
    values: z.array(z.unknown()).min(1, 'is empty: the grid has no point').max(1000),
    labels: z.array(z.string().min(1).max(60)).optional().describe('What to call each value; its JSON without them.'),
  })
  .refine(({ values, labels }) => labels === undefined || labels.length === values.length, {
    path: ['labels'],
    message: 'wants as many as there are values',
  })

/** What is left in a run of a finished artifact: enough to find it and to know its content. */
export const linkSchema = z.strictObject({ uri: artifactUri, sha256: z.string().regex(/^[0-9a-f]{64}$/) })
export type Link = z.infer<typeof linkSchema>

/** A trial that has ended; its settings follow from its number. */
export const endedTrialSchema = z.strictObject({
  trial: z.number().int().min(0),
  state: z.enum(['done', 'failed', 'skipped']),
  seconds: z.number().optional(),
  /** Money that it spent itself: what it took from the store counts where it was made. */
  cost: z.number().optional(),
  result: linkSchema.optional().describe('Its report, or its only artifact.'),
  metric: z.number().optional(),
  message: z.string().optional(),
})
export type EndedTrial = z.infer<typeof endedTrialSchema>

/** The night that a night is compared with. */
export const previousSchema = z.strictObject({ night: z.string(), report: linkSchema })

const carriedSchema = z.strictObject({
  ended: z.array(endedTrialSchema),
  startedAt: z.number(),
  paused: z.boolean(),
  stopped: z.string().optional(),
  night: z.string().optional(),
  previous: previousSchema.optional(),
})

const sweepObject = z.strictObject({
  preset: z
    .enum(Object.keys(sweepPresets) as [SweepPreset, ...SweepPreset[]])
    .optional()
    .describe(
      "A study of the paper: its workflow, axes and metric, with the paper's figures beside ours. Fields given here are laid over it.",
    ),
  name: z.string().min(1).max(80).default('sweep').describe('In titles and messages.'),
  workflow: z.enum(SWEPT).default('align').describe('What each trial runs.'),
  base: z.record(z.string(), z.unknown()).default({}).describe('Its input in every trial.'),
  axes: z.array(axisSchema).max(10).default([]).describe('Fields and their values; every combination is a trial.'),
  list: z
    .array(z.record(fieldPath, z.unknown()))
    .max(4000)
    .default([])
    .describe('In the place of axes: each trial by its own fields, e.g. [{"rl.klWeight": 0.1, "rl.steps": 20}, …].'),
  draw: z
    .number()
    .int()
    .positive()
    .optional()
    .describe('Only so many combinations of the axes, drawn by the first seed.'),
  seeds: z
    .array(seedSchema.unwrap())
    .min(1)
    .max(50)
    .default([1])
    .describe('Every trial is repeated with each. A scheduled sweep mixes the date of its night into each.'),
  maxConcurrent: z
    .number()
    .int()
    .min(1)
    .max(200)
    .default(1)
    .describe('Trials at a time. A stage that several share is computed once, also when they start together.'),
  maxTrials: z.number().int().min(1).max(4000).default(200).describe('A sweep of more is refused.'),
  budget: z
    .strictObject({ hours: z.number().positive().optional(), cost: z.number().positive().optional() })
    .default({})
    .describe('No trial starts after so many hours, or so much money by `labeler.price`; those that run are finished.'),
  tolerate: z
    .number()
    .min(0)
    .max(1)
    .default(0.5)
    .describe('When more than this share of five or more trials has failed, no other starts.'),
  metric: z
    .string()
    .regex(/^[\w-]+\.\w+$/, 'wants stage.figure, e.g. "evaluate.winRate"')
    .optional()
    .describe('The figure the sweep is about, as stage.figure; the report has all of them.'),
  higherIsBetter: z.boolean().default(true),
  baseline: artifactGiven
    .optional()
    .describe('The report of a sweep to compare every night with, by reference or URI, beside the night before.'),
  onFailure: onFailureSchema
    .unwrap()
    .default('fail')
    .describe('Of a stage in a trial: "fail" fails the trial, "wait" parks it; the others go on.'),
  cache: cacheSchema,
  queues: queuesSchema,
  notify: notifySchema,
  carried: carriedSchema.optional().describe('Not for people: what the run hands to its own continuation.'),
})
export const sweepSchema = z.preprocess(withPreset, sweepObject)
export type SweepInput = z.infer<typeof sweepObject>

function withPreset(given: unknown): unknown {
  if (given === undefined || given === null) return {}
  if (!isRecord(given) || typeof given.preset !== 'string' || !Object.hasOwn(sweepPresets, given.preset)) return given
  const { input } = sweepPresets[given.preset as SweepPreset]
  return overlay({ name: given.preset, ...input }, 'list' in given ? { axes: [], ...given } : given)
}

const METRICS: Record<Swept, string> = {
  align: 'evaluate.winRate',
  compare: 'comparison.widestWinRate',
  labelStudy: 'study.bestAgreement',
  sft: 'sft.loss',
  sample: 'sample.pairs',
  label: 'label.sameSlotShare',
  rewardModel: 'reward-model.accuracy',
  rl: 'rl.lastReward',
  evaluate: 'evaluate.winRate',
  miniature: 'claims.agree',
}
/** The figure a sweep is about, where its input names none. */
export const metricOf = ({ metric, workflow }: Pick<SweepInput, 'metric' | 'workflow'>): string =>
  metric ?? METRICS[workflow]

/** What `sweep` returns; the next night of its schedule gets it. */
export interface SweepResult {
  report: Artifact
  night?: string
  trials: Record<'done' | 'failed' | 'skipped', number>
  previous?: { night: string; report: Link }
}
export const sweepResultSchema = z.looseObject({
  report: z.looseObject(linkSchema.shape),
  night: z.string().optional(),
})

/** Signal to a sweep from a trial of it. */
export const TRIAL_PARKED = 'trialParked'
/** What it says: what the trial is parked with, or null when it goes on. */
export const trialParkedSchema = z.strictObject({
  trial: z.number().int().min(0),
  parked: z.string().max(2000).nullable(),
})
/** In the memo of a trial and of what it starts: whom to tell. */
export const sweepMemoSchema = z.strictObject({ workflowId: z.string(), trial: z.number().int() })
export type SweepMemo = z.infer<typeof sweepMemoSchema>
