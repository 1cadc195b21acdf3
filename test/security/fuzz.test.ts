// The short form of `npm run fuzz -- files`.
import { execFileSync } from 'node:child_process'
import { resolve } from 'node:path'

test('320 hostile tokenizers, templates, gzip and Parquet files are read or refused within 10 s and 2 GB each', () => {
  const program = resolve(__dirname, '..', '..', 'fuzz', 'main.mjs')
  const out = execFileSync(process.execPath, [program, 'files', '--count', '320', '--seed', '2'], { encoding: 'utf8' })
  expect(out).toMatch(/320 inputs, seed 2.*\n✓ no finding/)
}, 300_000)
