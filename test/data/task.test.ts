// What a task's file may say about answers, and what it is refused for, with the field's name.
import { cpSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parse } from '../../src/contracts/parse'
import { readTask, taskFolder, taskSchema, taskText } from '../../src/data/task'
import { scoreLevels } from '../../src/feedback/answer-levels'
import { scoreQuestion } from '../../src/feedback/direct-score'
import { temporaryFolder } from '../tiny-folder'

/** The task "cheerful" with other answers. */
function changed(change: (task: { score: Record<string, unknown>; verdict: Record<string, unknown> }) => void) {
  const folder = join(temporaryFolder(), 'task')
  cpSync(taskFolder('cheerful'), folder, { recursive: true })
  const file = join(folder, 'task.json')
  const task = JSON.parse(readFileSync(file, 'utf8')) as Parameters<typeof change>[0]
  change(task)
  writeFileSync(file, JSON.stringify(task))
  return () => readTask(folder)
}
const answers = (...spellings: string[][]) => spellings.map((ofOne, value) => ({ spellings: ofOne, value }))

test('a task that lists no answers asks for 1 to 10, and its text in artifacts is as before', () => {
  const task = readTask(taskFolder('harmless'))
  expect(scoreLevels(task).map(({ spellings, value }) => [spellings, value])).toEqual(
    Array.from({ length: 10 }, (_, i) => [[`${i + 1}`], i + 1]),
  )
  expect(taskText(task)).not.toMatch(/"(answers|spellings)"/)
  expect(scoreQuestion(task, 'a', 'b').text).toMatch(/\n\nCONTEXT: a\nRESPONSE: b\n$/)
})

test('a task in words survives the way into an artifact and back', () => {
  const task = readTask(taskFolder('cheerful'))
  const stored = parse(taskSchema, JSON.parse(taskText(task)), 'task.json')
  expect(stored).toEqual({ ...task, prompts: 'prompts.jsonl' })
  expect(scoreLevels(stored)).toEqual([
    { spellings: ['positive', 'Positive'], value: 1 },
    { spellings: ['negative', 'Negative'], value: 0 },
  ])
  expect(scoreQuestion(stored, 'not shown', 'a text').text).toMatch(/one word\.\n\nText: a text\n$/)
})

test('statements, and words in a verdict, may be shown without context', () => {
  const statements = changed(({ verdict }) => Object.assign(verdict, { good: 'It is fine.', bad: 'It is not.' }))
  expect(statements().verdict).toMatchObject({ good: 'It is fine.', bad: 'It is not.' })
})

test.each([
  ['one answer', answers(['yes']), /"score\.answers"/],
  ['a spelling of two answers', answers(['yes', 'sure'], ['no', 'sure']), /"score\.answers".*"sure" only once/s],
  ['a spelling twice', answers(['yes', 'yes'], ['no']), /"score\.answers".*"yes" only once/s],
  ['two words as one', answers(['very good'], ['bad']), /"score\.answers\.0\.spellings\.0".*one word or number/s],
  ['no spelling', answers(['yes'], []), /"score\.answers\.1\.spellings"/],
  ['equal values', answers(['a'], ['b']).map((one) => ({ ...one, value: 1 })), /two different values/],
])('answers with %s are refused by field', (_, given, message) => {
  expect(changed(({ score }) => (score.answers = given))).toThrow(message)
})

test.each([
  [
    'a statement and a list of words',
    'It is fine.',
    ['sad'],
    /"verdict\.bad".*a statement or a list of words, as "good" is/s,
  ],
  ['a word that is good and bad', ['fine'], ['fine', 'sad'], /"verdict".*"fine" only once/s],
  ['no word', [], ['sad'], /"verdict\.good"/],
])('a verdict with %s is refused by field', (_, good, bad, message) => {
  expect(changed(({ verdict }) => Object.assign(verdict, { good, bad }))).toThrow(message)
})

test('a task whose files were written on Windows is the same task', () => {
  const folder = join(temporaryFolder(), 'task')
  cpSync(taskFolder('harmless'), folder, { recursive: true })
  for (const name of readdirSync(folder)) {
    const file = join(folder, name)
    writeFileSync(file, `\ufeff${readFileSync(file, 'utf8').replaceAll('\n', '\r\n')}`)
  }
  expect(taskText(readTask(folder))).toBe(taskText(readTask(taskFolder('harmless'))))
})
