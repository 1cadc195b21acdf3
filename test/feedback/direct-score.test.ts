import { directRewards, expectedScore, rewardOfScore, stripTrailingJunk } from '../../src/feedback/direct-score'
import type { Labeler, Question } from '../../src/feedback/labeler'

const question: Question = { text: 'Rate it.', ending: 'SCORE: ' }
/** Answers from a table: ending → option → probability. */
const labeler = (table: Record<string, Record<string, number>>): Labeler => ({
  name: 'table',
  identity: {},
  ask: async (questions, options) =>
    questions.map(({ ending }) => ({
      logProbs: options.map((option) =>
        table[ending]?.[option] === undefined ? undefined : Math.log(table[ending]![option]!),
      ),
    })),
  write: async () => [],
})

test('the expected score is mapped linearly from 1…10 to -1…1', () => {
  expect(expectedScore([0, 0, 0, 0, 0, 0, 0, 0, 0, 1])).toBe(10)
  expect(expectedScore([0.2, 0.2])).toBeCloseTo(1.5) // normalized over the given probabilities
  expect([1, 5.5, 10].map(rewardOfScore)).toEqual([-1, 0, 1])
})

test('"10" as a single token needs one question', async () => {
  const [reward] = await directRewards(labeler({ 'SCORE: ': { '1': 0.5, '10': 0.5 } }), [question])
  expect(reward).toBeCloseTo(0)
})

test('if a vocabulary splits digits, a second question separates 10 from 1', async () => {
  const digits = Object.fromEntries(
    ['1', '2', '3', '4', '5', '6', '7', '8', '9'].map((d) => [d, d === '1' ? 0.5 : d === '5' ? 0.5 : 0]),
  )
  const [reward] = await directRewards(labeler({ 'SCORE: ': digits, 'SCORE: 1': { '0': 0.8 } }), [question])
  expect(reward).toBeCloseTo(rewardOfScore(0.5 * 0.8 * 10 + 0.5 * 0.2 * 1 + 0.5 * 5))
})

test('no score among the returned tokens is a failure, never a number', async () => {
  const [reward] = await directRewards(labeler({ 'SCORE: ': {} }), [question])
  expect(reward).toMatchObject({ failed: expect.stringMatching(/no score from 1 to 10/) })
})

test('stray trailing full stops and spaces are stripped, one full stop is left', () => {
  expect(stripTrailingJunk('Fine. . . . ')).toBe('Fine.')
  expect(stripTrailingJunk('Fine...')).toBe('Fine.')
  expect(stripTrailingJunk('Fine.')).toBe('Fine.')
  expect(stripTrailingJunk('Fine')).toBe('Fine')
})
