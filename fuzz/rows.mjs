// Area `rows`: rows of datasets in every format, with fields dropped, nulled, retyped, reordered, cut and repeated. Each is
// read, or counted by its reason, and no response is paired with a question that it was not given for.
import { readAll } from './readers.mjs'
import { KINDS, ROWS_A_FILE } from './row-inputs.mjs'

export const describe = 'rows of datasets in every format: read or counted, each response with its own question'

/** @param run `count`: rows of each format @returns findings, one line each */
export async function fuzz({ count, seed, jobs }) {
  const reader = { program: './row-reader.mjs', kinds: KINDS, mostMs: 5_000, hungMs: 30_000 }
  const files = Math.ceil(count / ROWS_A_FILE) * KINDS.length
  console.log(`${KINDS.length} formats, ${Math.ceil(count / ROWS_A_FILE) * ROWS_A_FILE} rows of each in ${files} files`)
  return readAll(reader, { count: files, seed, jobs })
}
