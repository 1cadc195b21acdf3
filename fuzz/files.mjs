// Area `files`: tokenizer.json, chat templates, gzipped and Parquet datasets. Each input is read or refused with a
// message, within 10 s and 2 GB.
import { KINDS } from './file-inputs.mjs'
import { readAll } from './readers.mjs'

export const describe = 'tokenizers, chat templates, gzip and Parquet: each within 10 s and 2 GB'

/** @returns findings, one line each */
export async function fuzz({ count, seed, jobs }) {
  const reader = { program: './file-reader.mjs', kinds: KINDS, mostMs: 10_000, hungMs: 30_000 }
  return readAll(reader, { count, seed, jobs })
}
