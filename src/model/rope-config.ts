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
  const kind = fields.rope_type ?? fields.type ?? 'default'
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
    case 'su':
    case 'longrope':
      return { theta, features, scaling: longRope(c, fields, features, refuse) }
    default:
      return refuse('rope_scaling', kind, 'none, "linear", "dynamic", "llama3" and "longrope"')
  }
}

/** Up to the length of the pretraining, `short_factor` holds; longer contexts have other factors for every position. */
function longRope(c: RopeConfig, fields: RopeFields, features: number, refuse: Refuse): NonNullable<Rope['scaling']> {
  const short = fields.short_factor
  if (short?.length !== features / 2)
    return refuse('rope_scaling.short_factor', short, `a list of ${features / 2} numbers`)
  const original = originalContext(c)
  const factor = fields.factor ?? c.max_position_embeddings / original
  const amplitude = fields.attention_factor ?? (factor <= 1 ? 1 : Math.sqrt(1 + Math.log(factor) / Math.log(original)))
  return { kind: 'longrope', factors: short, amplitude }
}

const originalContext = (c: RopeConfig): number =>
  c.original_max_position_embeddings ??
  (c.rope_scaling ?? c.rope_parameters)?.original_max_position_embeddings ??
  c.max_position_embeddings

/** The longest sequence whose positions `rope` is right for. */
export const longestContext = (c: RopeConfig, { scaling }: Rope): number =>
  scaling?.kind === 'longrope' ? Math.min(c.max_position_embeddings, originalContext(c)) : c.max_position_embeddings
