// The input of `compare`, and the runs of `align` that it stands for.
import { z } from 'zod'
import { alignSchema, type AlignInput } from './align-input'
import { runFields } from './input-fields'
import { labelerSchema } from './labeler-settings'
import { isRecord, overlay } from './overlay'
import { InvalidInput, parse } from './parse'
import { evaluateSchema, responseTemperature, seedSchema } from './settings'
import { armName } from './stages'
import { refuseUnasked } from './unasked'
import { withoutIdleWatch } from './watch-settings'

const ARMS = {
  sft: { method: 'sft' },
  rlhf: { method: 'rlhf' },
  rlaif: { method: 'rlaif' },
  'same-size': { method: 'rlaif', labeler: 'policy' },
  'direct-rlaif': { method: 'direct-rlaif' },
  'rlhf+rlaif': { method: 'rlhf+rlaif' },
  dpo: { method: 'dpo' },
  'online-dpo': { method: 'online-dpo' },
  grpo: { method: 'rlaif', rl: { algorithm: 'grpo' } },
} as const
const namedArm = z.enum(Object.keys(ARMS) as [keyof typeof ARMS, ...(keyof typeof ARMS)[]])
const customArm = z.strictObject({
  name: armName.describe('Name of the arm in the report.'),
  like: namedArm
    .describe(
      "The paper's name for this arm: the report shows the paper's figures next to it, above other arms of the same " +
        'method. Default: that of its method.',
    )
    .optional(),
  input: z.record(z.string(), z.unknown()).describe('Fields of `align`, which override those that all arms share.'),
})

const compareObject = z.strictObject({
  arms: z
    .array(z.union([namedArm, customArm]))
    .min(2)
    .default(['sft', 'rlhf', 'rlaif', 'same-size', 'direct-rlaif'])
    .describe(
      'The policies to compare: names of methods ("same-size" is "rlaif" with the policy itself as the labeler), ' +
        'or {name, input} with its own fields of `align`.',
    ),
  base: z
    .record(z.string(), z.unknown())
    .default({})
    .describe('Fields of `align` that all arms share: task, data, model, labeler, judge, rl, …'),
  seeds: z
    .array(seedSchema.unwrap())
    .min(1)
    .max(20)
    .default([1])
    .describe(
      'Seeds: every arm is trained and compared once with each; figures are means over seeds. Default: `seed` alone.',
    ),
  judge: labelerSchema.meta({
    description:
      'Who judges the policies against each other; should not be the labeler. The same fields as "labeler" of `align`.',
    default: { model: 'default' },
  }),
  agreementPairs: evaluateSchema.unwrap().shape.agreementPairs,
  temperature: responseTemperature,
  maxConcurrent: z
    .number()
    .int()
    .min(1)
    .max(50)
    .default(1)
    .describe(
      'Maximum number of arms at a time. The first arm of a seed runs alone, so that what all share is computed once.',
    ),
  ...runFields,
})
export const compareSchema = z.preprocess(
  withSeeds,
  compareObject.superRefine(({ judge }, context) => refuseUnasked(judge, 'pairs', ['judge'], context)),
)
export type CompareInput = z.infer<typeof compareSchema>

/** A comparison with a single `seed`, as other runs have it, has that one among its `seeds`. */
function withSeeds(given: unknown): unknown {
  return isRecord(given) && given.seed !== undefined ? { seeds: [given.seed], ...given } : given
}

export interface Arm {
  name: string
  /** The paper's name for it, as it was given. */
  like?: string | undefined
  /** The paper's name for its method. */
  system: string
  seed: number
  /** Checked input of `align`. */
  input: AlignInput
}

/** RLAIF whose labeler is the policy itself has a name of its own in the paper. */
const systemOf = ({ method, labeler }: AlignInput): string =>
  method === 'rlaif' && 'model' in labeler && labeler.model === 'policy' ? 'same-size' : method

/** Every arm at every seed, in the order they run. @throws InvalidInput naming arm and field */
export function armsOf({ arms, base, seeds, judge, onFailure, cache, queues, notify, track }: CompareInput): Arm[] {
  const shared = { judge, ...overlay({ onFailure, cache, queues, notify, ...(track && { track }) }, base) }
  const names = new Set<string>()
  return seeds.flatMap((seed) =>
    arms.map((arm): Arm => {
      const { name, like, input } = typeof arm === 'string' ? { name: arm, like: arm, input: ARMS[arm] } : arm
      if (seed === seeds[0] && names.size === names.add(name).size)
        throw new InvalidInput(`compare: field "arms" names ${name} twice; give every arm its own name`)
      if ('seed' in base || 'seed' in input)
        throw new InvalidInput(
          `compare: arm ${name}: field "seed" is set by "seeds" of the comparison itself; give the seed there`,
        )
      const ofArm = withoutIdleWatch(shared, overlay(shared, input).method)
      const checked = parse(alignSchema, { ...overlay(ofArm, input), seed }, `compare: arm ${name}`)
      return { name, like, system: systemOf(checked), seed, input: checked }
    }),
  )
}
