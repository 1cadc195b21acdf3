// The short form of `npm run fuzz -- http`.
import { execFileSync } from 'node:child_process'
import { resolve } from 'node:path'

test('150 hostile requests to each HTTP server are answered within 2 s, show no secret and no place, and end none', () => {
  const program = resolve(__dirname, '..', '..', 'fuzz', 'main.mjs')
  const out = execFileSync(process.execPath, [program, 'http', '--count', '150', '--seed', '2'], { encoding: 'utf8' })
  expect(out).toMatch(/1200 inputs, seed 2.*\n✓ no finding/)
}, 120_000)
