// How config.json describes rotary position embeddings, in the forms of all versions of transformers.
import { z } from 'zod'
import type { Rope } from './architecture'
import { count, withoutNulls, type Refuse } from './config-fields'

const factors = z.array(z.number().positive()).optional()
const ropeFields = z.preprocess(
  (value) => (typeof value === 'object' && value !== null ? withoutNulls(value as Record<string, unknown>) : {}),
  z
    .object({
      rope_theta: z.number().positive().optional(),
      partial_rotary_factor: z.number().positive().max(1).optional(),
      rope_type: z.string().optional(),
      type: z.string().optional(),
      factor: z.number().positive().optional(),
      low_freq_factor: z.number().positive().optional(),
      high_freq_factor: z.number().positive().optional(),
      original_max_position_embeddings: count.optional(),
      short_factor: factors,
      long_factor: factors,
      attention_factor: z.number().positive().optional(),
      beta_fast: z.number().positive().default(32),
      beta_slow: z.number().positive().default(1),
      truncate: z.boolean().default(true),
      mscale: z.number().optional(),
      mscale_all_dim: z.number().optional(),
      full_attention: z.unknown().optional(),
      sliding_attention: z.unknown().optional(),
    })
    .loose(),
)
type RopeFields = z.infer<typeof ropeFields>

/** The fields of config.json that say how queries and keys are rotated. */
export const ropeSchema = {
  rope_theta: z.number().positive().optional(),
  /** Gemma 3's base for layers with a window. */
  rope_local_base_freq: z.number().positive().optional(),
  rope_scaling: ropeFields.optional(),
  rope_parameters: ropeFields.optional(),
  partial_rotary_factor: z.number().positive().max(1).optional(),
  original_max_position_embeddings: count.optional(),
  max_position_embeddings: count,
}
export type RopeConfig = z.infer<z.ZodObject<typeof ropeSchema>>

interface RopeOptions {
  headSize: number
  /** The family's own base. */
  theta: number
  refuse: Refuse
}

/** The parameters of layers of a type; those without types of their own hold for all. */
function fieldsFor(c: RopeConfig, type: 'full_attention' | 'sliding_attention'): RopeFields {
  const fields = c.rope_scaling ?? c.rope_parameters
  return fields?.[type] === undefined ? (fields ?? NO_FIELDS) : ropeFields.parse(fields[type])
}
const NO_FIELDS = ropeFields.parse({})

/**
 * Gemma 3's layers with a window have a base of their own, and no scaling.
 * @param theta where config.json names none
 */
export function readLocalRope(c: RopeConfig, options: RopeOptions): Rope {
  const fields = c.rope_parameters?.sliding_attention ? fieldsFor(c, 'sliding_attention') : NO_FIELDS
  const theta = fields.rope_theta ?? c.rope_local_base_freq ?? options.theta
  return ropeOf(c, { ...fields, rope_theta: theta }, options)
}

export const readRope = (c: RopeConfig, options: RopeOptions): Rope =>
  ropeOf(c, fieldsFor(c, 'full_attention'), options)

function ropeOf(c: RopeConfig, fields: RopeFields, { headSize, theta: ofFamily, refuse }: RopeOptions): Rope {
  const theta = fields.rope_theta ?? c.rope_theta ?? ofFamily
  const share = fields.partial_rotary_factor ?? c.partial_rotary_factor ?? 1
  const features = Math.trunc(headSize * share)
  if (features % 2 !== 0 || features === 0)
    refuse('partial_rotary_factor', share, `a share of head_dim = ${headSize} that is an even number`)
  const kind = kindOf(fields)
  const required = <F extends keyof RopeFields>(field: F): NonNullable<RopeFields[F]> =>
    fields[field] ?? refuse(`rope_scaling.${String(field)}`, undefined, 'a number')
  switch (kind) {
    case 'default':
    case 'dynamic': // changes nothing up to max_position_embeddings, the longest context here
      return { theta, features }
    case 'linear':
      return { theta, features, scaling: { kind, factor: required('factor') } }
    case 'llama3':
      return {
        theta,
        features,
        scaling: {
          kind,
          factor: required('factor'),
          lowFrequency: required('low_freq_factor'),
          highFrequency: required('high_freq_factor'),
          originalLength: originalContext(c),
        },
      }
    case 'yarn':
      return { theta, features, scaling: yarn(c, { ...fields, factor: required('factor') }, { theta, features }) }
    case 'su':
    case 'longrope':
      return { theta, features, scaling: longRope(c, fields, features, refuse) }
    default:
      return refuse('rope_scaling', kind, 'none, "linear", "dynamic", "llama3", "yarn" and "longrope"')
  }
}

const kindOf = (fields: RopeFields): string => fields.rope_type ?? fields.type ?? 'default'

/**
 * YaRN (Peng et al., arXiv 2309.00071, §3.2 and 3.4): frequencies with fewer than `beta_slow` rotations in the context
 * of the pretraining are divided by the factor, those with more than `beta_fast` stay, with a ramp between.
 */
function yarn(
  c: RopeConfig,
  { factor, beta_fast, beta_slow, truncate, ...fields }: RopeFields & { factor: number },
  { theta, features }: Pick<Rope, 'theta' | 'features'>,
): NonNullable<Rope['scaling']> {
  const pairWith = (rotations: number) =>
    (features * Math.log(originalContext(c) / (rotations * 2 * Math.PI))) / (2 * Math.log(theta))
  const [first, last] = [pairWith(beta_fast), pairWith(beta_slow)]
  const low = Math.max(truncate ? Math.floor(first) : first, 0)
  const high = Math.min(truncate ? Math.ceil(last) : last, features - 1)
  const factors = Array.from({ length: features / 2 }, (_, pair) => {
    const ramp = Math.min(Math.max((pair - low) / (high === low ? 0.001 : high - low), 0), 1)
    return 1 / (ramp / factor + 1 - ramp)
  })
  const scaleOf = (mscale: number) => (factor <= 1 ? 1 : 0.1 * mscale * Math.log(factor) + 1)
  const { mscale, mscale_all_dim: ofAll } = fields
  const amplitude = fields.attention_factor ?? (mscale && ofAll ? scaleOf(mscale) / scaleOf(ofAll) : scaleOf(1))
  return { kind: 'factors', factors, amplitude }
}

/** Up to the length of the pretraining, `short_factor` holds; longer contexts have other factors for every position. */
function longRope(c: RopeConfig, fields: RopeFields, features: number, refuse: Refuse): NonNullable<Rope['scaling']> {
  const short = fields.short_factor
  if (short?.length !== features / 2)
    return refuse('rope_scaling.short_factor', short, `a list of ${features / 2} numbers`)
  const original = originalContext(c)
  const factor = fields.factor ?? c.max_position_embeddings / original
  const amplitude = fields.attention_factor ?? (factor <= 1 ? 1 : Math.sqrt(1 + Math.log(factor) / Math.log(original)))
  return { kind: 'factors', factors: short, amplitude }
}

const originalContext = (c: RopeConfig): number =>
  c.original_max_position_embeddings ??
  (c.rope_scaling ?? c.rope_parameters)?.original_max_position_embeddings ??
  c.max_position_embeddings

/** The longest sequence that the rotation is right for: beyond the pretraining, LongRoPE has other factors. */
export const longestContext = (c: RopeConfig): number =>
  ['su', 'longrope'].includes(kindOf(fieldsFor(c, 'full_attention')))
    ? Math.min(c.max_position_embeddings, originalContext(c))
    : c.max_position_embeddings
