import { readTask, taskFolder } from '../../src/data/task'
import { answerAfter, preferenceQuestion, rationaleQuestion } from '../../src/feedback/prompt'

const task = readTask(taskFolder('summarization'))
const pair = { context: 'A text.', first: 'one', second: 'two' }
const whole = ({ text, ending }: { text: string; ending: string }) => `${text}\n${ending}`
const sample = 'Text - A text.\nSummary 1 - one\nSummary 2 - two'

test('a zero-shot prompt is preamble, sample and ending', () => {
  expect(whole(preferenceQuestion(task, { preamble: 'base', exemplars: 0, chainOfThought: false }, pair))).toBe(
    `${task.preference.preambles.base}\n\n${sample}\n\nPreferred Summary=`,
  )
  expect(whole(preferenceQuestion(task, { preamble: 'detailed', exemplars: 0, chainOfThought: false }, pair))).toMatch(
    /coherence, accuracy, coverage and overall quality as they are described above/,
  )
})

test("exemplars stand between preamble and sample, each with its answer, in the paper's form", () => {
  const [first, second] = task.preference.exemplars
  const block = (e: typeof first) =>
    [
      '>>>>>>>> Example >>>>>>>>',
      `Text - ${e!.context}\nSummary 1 - ${e!.first}\nSummary 2 - ${e!.second}`,
      `Preferred Summary=${e!.preferred}`,
    ].join('\n\n')
  expect(whole(preferenceQuestion(task, { preamble: 'base', exemplars: 2, chainOfThought: false }, pair))).toBe(
    [
      task.preference.preambles.base,
      block(first),
      block(second),
      '>>>>>>>> Follow the instructions and the example(s) above >>>>>>>>',
      sample,
      'Preferred Summary=',
    ].join('\n\n'),
  )
})

test('chain of thought asks for a rationale, or continues in the form of its exemplars', () => {
  const zeroShot = rationaleQuestion(task, { preamble: 'base', exemplars: 0, chainOfThought: true }, pair)
  expect(zeroShot.text).toMatch(/^You judge.*Explain which of the two summaries/s)
  expect(zeroShot.ending).toBe('Rationale:')
  expect(whole(answerAfter(zeroShot, 'Because.', task))).toBe(`${whole(zeroShot)} Because.\n\nPreferred Summary=`)
  const oneShot = rationaleQuestion(task, { preamble: 'base', exemplars: 1, chainOfThought: true }, pair)
  expect(oneShot.ending).toBe('Thoughts on Summary 1 -')
  expect(oneShot.text).toContain(
    `Thoughts on Summary 2 -\n${task.preference.exemplars[0]!.thoughts[1]}\n\nPreferred Summary=1`,
  )
})

test.each(['summarization', 'helpful', 'harmless', 'cheerful'])(
  '%s has eight exemplars, four for each slot',
  (name) => {
    const { exemplars } = readTask(taskFolder(name)).preference
    expect(exemplars.map(({ preferred }) => preferred).sort()).toEqual([1, 1, 1, 1, 2, 2, 2, 2])
  },
)

test('asking for more exemplars than the task has is refused', () => {
  const poor = { ...task, preference: { ...task.preference, exemplars: [] } }
  expect(() => preferenceQuestion(poor, { preamble: 'base', exemplars: 1, chainOfThought: false }, pair)).toThrow(
    /summarization has 0 exemplars, but the setting "exemplars" is 1/,
  )
})
