// Sweeps: one workflow at many settings. The input alone determines the trials (sweep-trials.ts).
import { z } from 'zod'
import { artifactGiven, artifactUri, type Artifact } from './artifact'
import { isWorkflowId } from './brief'
import { isRecord, overlay } from './overlay'
import { queuesSchema } from './queues'
import { cacheSchema, notifySchema, onFailureSchema } from './run-settings'
import { trackSchema } from './track'
import { seedSchema } from './settings'
import { sweepPresets, type SweepPreset } from './sweep-presets'

export const SWEPT = [
  'align',
  'compare',
  'rounds',
  'labelStudy',
  'sft',
  'sample',
  'label',
  'rewardModel',
  'dpo',
  'onlineDpo',
  'rl',
  'evaluate',
  'miniature',
] as const
export type Swept = (typeof SWEPT)[number]

const fieldPath = z
  .string()
  .max(200)
  .regex(/^[A-Za-z]\w*(\.\w+)*$/, 'expected the path of a field, e.g. "rl.klWeight"')
const axisSchema = z
  .strictObject({
    field: fieldPath.describe(
      'Path of a field of the input of the workflow, e.g. "rl.klWeight" or "labeler.preamble".',
    ),
    values: z.array(z.unknown()).min(1, 'is empty: the grid has no point').max(1000).describe('Values of the field.'),
    labels: z
      .array(z.string().min(1).max(60))
      .optional()
      .describe('Names of the values in reports. Default: their JSON.'),
  })
  .refine(({ values, labels }) => labels === undefined || labels.length === values.length, {
    path: ['labels'],
    message: 'must have as many entries as "values"',
  })

/** What a run keeps of a finished artifact: enough to find it and to identify its content. */
export const linkSchema = z.strictObject({ uri: artifactUri, sha256: z.string().regex(/^[0-9a-f]{64}$/) })
export type Link = z.infer<typeof linkSchema>

/** A trial that has ended; its number determines its settings. */
export const endedTrialSchema = z.strictObject({
  trial: z.number().int().min(0),
  state: z.enum(['done', 'failed', 'skipped']),
  seconds: z.number().optional(),
  /** What it spent itself, failed runs included: what it took from the store counts in the run that made that. */
  cost: z.number().optional(),
  result: linkSchema.optional().describe('Report of the trial, or its only artifact.'),
  metric: z.number().optional(),
  message: z.string().optional(),
})
export type EndedTrial = z.infer<typeof endedTrialSchema>

/** The earlier night that a night is compared with. */
export const previousSchema = z.strictObject({ night: z.string(), report: linkSchema })

const carriedSchema = z.strictObject({
  ended: z.array(endedTrialSchema),
  startedAt: z.number(),
  paused: z.boolean(),
  stopped: z.string().optional(),
  night: z.string().optional(),
  previous: previousSchema.optional(),
  /** Trial and cost: what failed runs of trials had spent that run again. */
  spentBefore: z.array(z.tuple([z.number().int(), z.number()])).optional(),
})

const sweepObject = z.strictObject({
  preset: z
    .enum(Object.keys(sweepPresets) as [SweepPreset, ...SweepPreset[]])
    .optional()
    .describe(
      "A study of the paper: its workflow, axes and metric, with the paper's figures shown next to ours. " +
        'Other fields of the input override its own. Default: none.',
    ),
  name: z.string().min(1).max(80).default('sweep').describe('Name of the sweep in titles and messages.'),
  workflow: z.enum(SWEPT).default('align').describe('The workflow that each trial runs.'),
  base: z.record(z.string(), z.unknown()).default({}).describe('Fields of the input that all trials share.'),
  axes: z
    .array(axisSchema)
    .max(10)
    .default([])
    .describe('Fields to vary and their values; every combination is a trial.'),
  list: z
    .array(z.record(fieldPath, z.unknown()))
    .max(4000)
    .default([])
    .describe('Instead of axes: the fields of each trial, e.g. [{"rl.klWeight": 0.1, "rl.steps": 20}, …].'),
  draw: z
    .number()
    .int()
    .positive()
    .optional()
    .describe('Number of combinations of the axes to draw, with the first seed. Default: all combinations.'),
  seeds: z
    .array(seedSchema.unwrap())
    .min(1)
    .max(50)
    .default([1])
    .describe('Seeds that every trial is repeated with. A scheduled sweep mixes the time of its night into each.'),
  maxConcurrent: z
    .number()
    .int()
    .min(1)
    .max(200)
    .default(1)
    .describe(
      'Maximum number of trials at a time. A stage that several share is computed once, even when they start together.',
    ),
  maxTrials: z
    .number()
    .int()
    .min(1)
    .max(4000)
    .default(200)
    .describe('Maximum number of trials; a larger sweep is refused.'),
  budget: z
    .strictObject({
      hours: z.number().positive().optional().describe('Hours after which no trial starts. Default: no limit.'),
      cost: z
        .number()
        .positive()
        .optional()
        .describe('Cost, by `labeler.price`, after which no trial starts. Default: no limit.'),
    })
    .default({})
    .describe('Limits after which no further trial starts; running trials are finished.'),
  tolerate: z
    .number()
    .min(0)
    .max(1)
    .default(0.5)
    .describe('No further trial starts once more than this share of at least five ended trials has failed.'),
  metric: z
    .string()
    .regex(/^[\w-]+\.\w+$/, 'expected stage.figure, e.g. "evaluate.winRate"')
    .optional()
    .describe(
      'The main figure of the report, as stage.figure; the report has the others too. Default: that of the workflow.',
    ),
  higherIsBetter: z.boolean().default(true).describe('Whether a higher value of the metric is better.'),
  baseline: artifactGiven
    .optional()
    .describe(
      'Report of a sweep that every night is compared with, in addition to the previous night, by reference or URI. ' +
        'Default: none.',
    ),
  onFailure: onFailureSchema
    .unwrap()
    .default('fail')
    .describe(
      'What happens when a stage of a trial fails permanently: "fail" fails the trial, "wait" parks it; ' +
        'the other trials continue.',
    ),
  cache: cacheSchema,
  queues: queuesSchema,
  notify: notifySchema,
  track: trackSchema,
  carried: carriedSchema.optional().describe('Internal: what the run hands to its own continuation.'),
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
  rounds: 'comparison.widestWinRate',
  labelStudy: 'study.bestAgreement',
  sft: 'sft.loss',
  sample: 'sample.pairs',
  label: 'label.sameSlotShare',
  rewardModel: 'reward-model.accuracy',
  dpo: 'dpo.accuracy',
  onlineDpo: 'online-dpo.validationBest',
  rl: 'rl.lastReward',
  evaluate: 'evaluate.winRate',
  miniature: 'claims.agree',
}
/** The main figure of a sweep: the one its input names, else that of its workflow. */
export const metricOf = ({ metric, workflow }: Pick<SweepInput, 'metric' | 'workflow'>): string =>
  metric ?? METRICS[workflow]

/** What `sweep` returns; the next run of its schedule gets it. */
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

/** Name of the signal that a trial sends to its sweep. */
export const TRIAL_PARKED = 'trialParked'
/** Content of the signal: why the trial is parked, or null when it resumes. */
export const trialParkedSchema = z.strictObject({
  trial: z.number().int().min(0),
  parked: z.string().max(2000).nullable(),
})
/** Memo of a trial and of its child workflows: which sweep to signal. */
export const sweepMemoSchema = z.strictObject({ workflowId: z.string().refine(isWorkflowId), trial: z.number().int() })
export type SweepMemo = z.infer<typeof sweepMemoSchema>
