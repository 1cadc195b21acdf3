// Loops over questions hold at the size of the paper's data and beyond.
import { askLevels, DIGITS } from '../../src/feedback/answer-levels'
import { keepingAnswers } from '../../src/feedback/kept-answers'
import type { Labeler, OptionAnswer } from '../../src/feedback/labeler'

/** Answers at once: "1" with probability 0.6 where it is asked for, "0" with 0.5 after it. */
const labeler: Labeler = {
  name: 'scripted',
  identity: {},
  ask(questions, options, onAnswer) {
    const answer: OptionAnswer = {
      logProbs: options.map((option) => (option === '1' ? Math.log(0.6) : option === '0' ? Math.log(0.5) : undefined)),
    }
    questions.forEach((_, i) => onAnswer?.(i, answer))
    return Promise.resolve(questions.map(() => answer))
  },
  write: () => Promise.reject(new Error('not asked')),
}
const questions = Array.from({ length: 150_000 }, (_, i) => ({ text: `question ${i}`, ending: '' }))

test('150,000 questions of one call are answered and kept', async () => {
  let stored = 0
  const store = {
    find: () => undefined,
    put: (answers: readonly unknown[]) => void (stored += answers.length),
    pay: () => {},
  }
  const answers = await keepingAnswers(labeler, store).ask(questions, ['1'])
  expect([answers.length, stored]).toEqual([150_000, 150_000])
})

test('150,000 scores that a second question has to separate are separated in one call', async () => {
  const answers = await askLevels(labeler, questions, DIGITS)
  expect(answers).toHaveLength(150_000)
  const { probabilities } = answers[149_999] as { probabilities: number[] }
  expect([probabilities[0], probabilities[9]]).toEqual([0.5, 0.5])
})
