import { appendFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { openAnswers } from '../../src/artifacts/answers'
import { temporaryFolder } from '../tiny-folder'

const long = 'ö'.repeat(5000)

test('an answer is found by the process that stored it and by the next one, whatever its length', () => {
  const root = temporaryFolder()
  const first = openAnswers(root)
  first.put([['a', { logProbs: [-1, null] }]])
  first.put([['b', long]])
  first.put([['c', 'line\nbreak']])
  for (const answers of [first, openAnswers(root)]) {
    expect(answers.get('a')).toEqual({ logProbs: [-1, null] })
    expect(answers.get('b')).toBe(long)
    expect(answers.get('c')).toBe('line\nbreak')
    expect(answers.get('d')).toBeUndefined()
  }
})

test('two processes write separate files; a line that a kill cut short is skipped', () => {
  const root = temporaryFolder()
  const [one, two] = [openAnswers(root), openAnswers(root)]
  one.put([['a', 1]])
  two.put([['b', 2]])
  const folder = join(root, 'answers')
  const names = readdirSync(folder)
  expect(names).toHaveLength(2)
  for (const name of names) appendFileSync(join(folder, name), '["c",{"logPr')
  const again = openAnswers(root)
  expect([again.get('a'), again.get('b'), again.get('c')]).toEqual([1, 2, undefined])
})
