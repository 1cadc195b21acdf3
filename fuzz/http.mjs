// Area `http`: requests to every HTTP server of the product. Each is answered or refused within 2 s, and no answer shows
// a secret or a place of this machine.
import { KINDS } from './http-requests.mjs'
import { readAll } from './readers.mjs'

export const describe = 'requests to every HTTP server, as many to each: answered within 2 s, without secrets'

/** @returns findings, one line each */
export async function fuzz({ count, seed, jobs }) {
  const reader = { program: './http-reader.mjs', kinds: KINDS, mostMs: 2_000, hungMs: 10_000 }
  return readAll(reader, { count: count * KINDS.length, seed, jobs })
}
