// A part of a stage's work that a worker does alone, and where it is.
import { z } from 'zod'

export const shardSchema = z
  .strictObject({ index: z.number().int().min(0), of: z.number().int().positive() })
  .refine(({ index, of }) => index < of, { path: ['index'], message: 'must be less than "of"' })
/** The shard with this number, from 0, of so many of about equal size. */
export type Shard = z.infer<typeof shardSchema>

/**
 * Prompts whose responses are sampled in the same batches. Shards are made of whole blocks: what a block contains must not
 * depend on where a shard ends, as sums in floating point differ with the batch.
 */
export const BLOCK_ROWS = 64
/** Pairs that a local labeler is asked about together, for the same reason. */
export const BLOCK_PAIRS = 256
