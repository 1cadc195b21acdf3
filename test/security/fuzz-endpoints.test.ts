// The short form of `npm run fuzz -- endpoints`.
import { execFileSync } from 'node:child_process'
import { resolve } from 'node:path'

test('150 mutated replies of each dialect end labelled by what they say, or failed with their words', () => {
  const program = resolve(__dirname, '..', '..', 'fuzz', 'main.mjs')
  const args = [program, 'endpoints', '--count', '150', '--seed', '2']
  const out = execFileSync(process.execPath, args, { encoding: 'utf8' })
  expect(out).toMatch(/1650 inputs, seed 2.*\n✓ no finding/)
}, 120_000)
