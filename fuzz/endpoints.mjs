// Area `endpoints`: replies of an endpoint, as many of each dialect. Each ends labelled, by what the reply says, or failed
// with a reason that quotes it.
import { KINDS } from './endpoint-mutations.mjs'
import { readAll } from './readers.mjs'

export const describe =
  'replies of endpoints, as many of each dialect: labelled by what they say, or failed with their words'

/** @returns findings, one line each */
export async function fuzz({ count, seed, jobs }) {
  const reader = { program: './endpoint-reader.mjs', kinds: KINDS, mostMs: 2_000, hungMs: 10_000 }
  return readAll(reader, { count: count * KINDS.length, seed, jobs })
}
