// The short form of `npm run fuzz -- rows`.
import { execFileSync } from 'node:child_process'
import { resolve } from 'node:path'

test('300 mutated rows of each format are read or counted, each response with the question it was given for', () => {
  const program = resolve(__dirname, '..', '..', 'fuzz', 'main.mjs')
  const out = execFileSync(process.execPath, [program, 'rows', '--count', '300', '--seed', '5'], { encoding: 'utf8' })
  expect(out).toMatch(/15 formats, 300 rows of each[^]*\n✓ no finding/)
}, 120_000)
