// Rationales of a local model: small ones often reach the limit without an end. These are used, counted and cautioned
// about; an empty one is a failure.
import { openAnswers } from '../../src/artifacts/answers'
import { readTask, taskFolder } from '../../src/data/task'
import { keepingAnswers } from '../../src/feedback/kept-answers'
import { isUnanswered } from '../../src/feedback/labeler'
import { localLabeler } from '../../src/feedback/local-labeler'
import { judgePairs } from '../../src/feedback/preference'
import { PLAIN } from '../../src/feedback/technique'
import { loadModelAndTokenizer } from '../../src/model/loaded'
import { rationaleCautions } from '../../src/report/labeler-answers'
import { temporaryFolder, writeTinyFolder } from '../tiny-folder'

const writing = { maxTokens: 3, temperature: 0, topK: 0, seed: 1 }
const questions = Array.from({ length: 4 }, (_, i) => ({ text: `Which is better, ${i} or 9?`, ending: 'Rationale:' }))
const loaded = loadModelAndTokenizer(writeTinyFolder())
const labeler = (more: object = {}) => localLabeler('tiny', 'digest', { ...loaded, ...more })

test('texts cut at the limit are marked, stored so, and counted again when they are reused', async () => {
  const root = temporaryFolder()
  for (const reused of [0, 4]) {
    const keeping = keepingAnswers(labeler(), openAnswers(root))
    const written = await keeping.write(questions, writing)
    expect(written).toEqual(questions.map(() => ({ text: expect.any(String), cut: true })))
    expect(keeping.figures()).toMatchObject({ rationales: 4, cutRationales: 4, reusedAnswers: reused })
  }
  expect(rationaleCautions({ labeler: 'tiny', rationales: 4, cutRationales: 1 })[0]).toMatch(
    /^1 of 4 rationales \(25\u00a0%\) by tiny was cut off at rationaleTokens/,
  )
  expect(rationaleCautions({ labeler: 'tiny', rationales: 4, cutRationales: 0 })).toEqual([])
})

test('a text that has reached its own answer is whole; one that has nothing before it is empty', async () => {
  const [text] = (await labeler().write(questions.slice(0, 1), writing)) as { text: string }[]
  const endsBefore = (mark: string) => labeler().write(questions.slice(0, 1), { ...writing, endsBefore: mark })
  expect(await endsBefore(text!.text.slice(-1))).toEqual([text!.text])
  expect(await endsBefore(text!.text)).toEqual([{ failed: 'the rationale is empty' }])
})

test('labels after cut rationales are given', async () => {
  const technique = { ...PLAIN, chainOfThought: true, rationaleTokens: 3 }
  const pairs = [{ context: 'a post', first: 'one', second: 'two' }]
  const labels = await judgePairs(labeler(), pairs, {
    task: readTask(taskFolder('summarization')),
    technique,
    seed: 1,
  })
  expect(labels.filter(isUnanswered).filter(({ tooLong }) => !tooLong)).toEqual([])
})
