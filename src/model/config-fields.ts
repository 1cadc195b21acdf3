// Fields of config.json that all families have, and how values are taken from it.
import { z } from 'zod'

export const count = z.number().int().positive()

/** `eos_token_id`: one id or several. */
export const endIds = z.union([z.number().int(), z.array(z.number().int())]).nullish()

export const shared = {
  vocab_size: count.max(2_000_000),
  eos_token_id: endIds,
  pad_token_id: z.number().int().optional(),
}

export const listOf = (ids: number | number[] | null | undefined): number[] =>
  ids === null || ids === undefined ? [] : [ids].flat()

/** Throws an error about a field whose value this runtime does not support. */
export type Refuse = (field: string, got: unknown, supported: string) => never

/** A null stands for the default, except where it turns something off. */
export const withoutNulls = (raw: Record<string, unknown>, off: readonly string[] = []): Record<string, unknown> =>
  Object.fromEntries(Object.entries(raw).filter(([field, value]) => value !== null || off.includes(field)))
