// The short form of `npm run fuzz -- files`.
import { spawnSync } from 'node:child_process'
import { resolve } from 'node:path'

test('320 hostile tokenizers, templates, gzip and Parquet files are read or refused within 10 s and 2 GB each', () => {
  const program = resolve(__dirname, '..', '..', 'fuzz', 'main.mjs')
  const args = [program, 'files', '--count', '320', '--seed', '2']
  const { stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' })
  expect(`${stderr}${stdout}`).toMatch(/320 inputs, seed 2.*\n✓ no finding/)
}, 300_000)
