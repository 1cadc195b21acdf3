// The short form of `npm run fuzz -- workflows`.
import { execFileSync } from 'node:child_process'
import { resolve } from 'node:path'

test('300 hostile inputs of each workflow and message are refused within 2 s; those that start runs fail no workflow task', () => {
  const program = resolve(__dirname, '..', '..', 'fuzz', 'main.mjs')
  const arguments_ = [program, 'workflows', '--count', '300', '--seed', '2']
  const out = execFileSync(process.execPath, arguments_, { encoding: 'utf8' })
  expect(out).toMatch(/6300 inputs, seed 2.*\n51 runs .*\n✓ no finding/)
}, 240_000)
