// The input of `align`, the whole pipeline.
import { z } from 'zod'
import { dpoSchema, onlineDpoSchema } from './dpo-settings'
import { engineSchema, onEngine } from './engine'
import { datasetFields } from './input-fields'
import { labelerSchema } from './labeler-settings'
import { isRecord, overlay } from './overlay'
import { runPrecision } from './precision'
import { presets, presetsOfMethods } from './presets'
import { evaluateSchema, labelSchema, modelSchema, sampleSchema } from './settings'
import { rewardModelSchema, rlSchema, sftSchema } from './training-settings'
import { reviseSchema } from './revise-settings'
import type { StageName } from './stages'
import { refuseUnasked, type AskedFor } from './unasked'
import { refuseIdleWatch, refuseWatch } from './watch-settings'

const RESUMABLE = [
  'model',
  'data',
  'revise',
  'sft',
  'human-labels',
  'sample',
  'label',
  'reward-model',
  'dpo',
  'online-dpo',
  'rl',
  'choose',
  'evaluate',
  'report',
] as const satisfies StageName[]

export const METHODS = ['sft', 'rlhf', 'rlaif', 'direct-rlaif', 'rlhf+rlaif', 'dpo', 'online-dpo'] as const
const methodSchema = z
  .enum(METHODS)
  .default('rlaif')
  .describe(
    'How the model is aligned. "sft": fine-tuning only, the baseline; "rlhf": RL with a reward model of human ' +
      'preferences; "rlaif": of AI preferences; "rlhf+rlaif": of equal numbers of both; ' +
      '"direct-rlaif": RL with the labeler\'s direct scores as the reward; "dpo": no reward model and no RL, the policy ' +
      'learns from the labels themselves, whose they are by `dpo.labels`; "online-dpo": of pairs that it samples in ' +
      'training, and that the labeler compares at once.',
  )

const alignObject = z.strictObject({
  preset: z
    .enum(['small', 'quickstart', 'paper'])
    .default('small')
    .describe(
      'Defaults of all other fields. "small" has sizes that take minutes on two cores; "quickstart" is the run of ' +
        '`rlaif start`, direct RLAIF of cheerful sentences; "paper" has the sizes of the paper.',
    ),
  method: methodSchema,
  fromStage: z
    .enum(RESUMABLE)
    .optional()
    .describe(
      'First stage that runs again, with all later ones; earlier stages are taken from the store if they are there. ' +
        'Default: every stage as `cache` says.',
    ),
  untilStage: z
    .enum(['sft', 'reward-model'])
    .optional()
    .describe(
      'Last stage before the report, for studies of labels and reward models without RL. Default: all stages run.',
    ),
  model: modelSchema.describe(
    'The model to align: "default", a Hugging Face model folder, a .gguf file, hf:owner/name[@revision], ' +
      'the URI of a policy in the artifact store, or "world:policy".',
  ),
  initialPolicy: z
    .enum(['sft', 'model'])
    .default('sft')
    .describe(
      'What training starts from, is held close to and is judged against: "sft", the model fine-tuned on the references of the ' +
        'data, where it has any; or "model", the given model itself, such as a policy trained before.',
    ),
  ...datasetFields,
  precision: runPrecision,
  engine: engineSchema,
  labeler: labelerSchema,
  judge: labelerSchema.meta({
    description: 'Who judges the evaluation and the candidates; the same fields as "labeler".',
    default: { model: 'default' },
  }),
  revise: reviseSchema.optional(),
  sft: sftSchema,
  sample: sampleSchema,
  label: labelSchema,
  rewardModel: rewardModelSchema,
  dpo: dpoSchema,
  onlineDpo: onlineDpoSchema,
  rl: rlSchema,
  evaluate: evaluateSchema,
})
/** What each method asks its labeler for. */
const ASKED: Record<z.output<typeof methodSchema>, AskedFor | undefined> = {
  sft: undefined,
  rlhf: undefined,
  rlaif: 'pairs',
  'rlhf+rlaif': 'pairs',
  'direct-rlaif': 'scores',
  dpo: 'pairs',
  'online-dpo': 'pairs',
}
export const alignSchema = z.preprocess(
  withPreset,
  alignObject.superRefine(({ method, labeler, judge, revise, engine, initialPolicy, rl, onlineDpo }, context) => {
    refuseUnasked(labeler, ASKED[method], ['labeler'], context)
    refuseUnasked(judge, 'pairs', ['judge'], context)
    const live = method === 'direct-rlaif' ? ({ labeler, asked: 'scores' } as const) : undefined
    refuseIdleWatch(method, { rl, onlineDpo }, context)
    refuseWatch(rl.watch, ['rl', 'watch'], live, context)
    refuseWatch(onlineDpo.watch, ['onlineDpo', 'watch'], { labeler, asked: 'pairs' }, context)
    const refuseRevision = (message: string) => context.addIssue({ code: 'custom', path: ['revise'], message })
    if (revise && onEngine(engine).engine)
      refuseRevision('has no meaning with "engine" on Ray, where no response is sampled before SFT; remove it')
    if (revise && initialPolicy === 'model')
      refuseRevision('has no meaning when "initialPolicy" is "model": no SFT learns from the revisions; remove it')
  }),
)
export type AlignInput = z.infer<typeof alignSchema>

/** Whether a method asks a labeler, in training or before. @param dpo the settings of method "dpo" */
export const usesLabeler = (method: unknown, dpo: unknown): boolean =>
  method !== 'sft' && method !== 'rlhf' && !(method === 'dpo' && isRecord(dpo) && dpo.labels === 'human')

/** Overlays the given fields on those of the preset, with what it adds for their method. */
function withPreset(given: unknown): unknown {
  const name = isRecord(given) && typeof given.preset === 'string' ? given.preset : 'small'
  const preset = Object.hasOwn(presets, name) ? presets[name as keyof typeof presets] : {}
  if (given === undefined || given === null) return preset
  if (!isRecord(given)) return given
  const ofMethod = presetsOfMethods.get(`${name} ${String(given.method)}`) ?? {}
  return overlay(overlay(preset, ofMethod), given)
}
