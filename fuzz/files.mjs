// Area `files`: tokenizer.json, chat templates, gzipped and Parquet datasets. Each input is read or refused with a
// message, within 10 s and 2 GB.
import { fileURLToPath } from 'node:url'
import { KINDS } from './file-inputs.mjs'
import { readAll } from './readers.mjs'

export const describe = 'tokenizers, chat templates, gzip and Parquet: each within 10 s and 2 GB'

/** @returns findings, one line each */
export async function fuzz({ count, seed, jobs }) {
  const reader = {
    program: fileURLToPath(new URL('./file-reader.mjs', import.meta.url)),
    args: [String(seed)],
    kinds: KINDS,
    mostMs: 10_000,
    mostBytes: 2e9,
    hungMs: 30_000,
  }
  const { findings, lines } = await readAll(reader, { count, seed, jobs })
  for (const line of lines) console.log(line)
  return findings
}
