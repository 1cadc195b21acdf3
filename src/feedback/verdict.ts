// Whether one response is good by itself, as a probability: harmless or harmful (paper §3.4: raters judge each response
// alone). A task asks for it in one of two forms:
//   1. Statements: the question lists one that is true of a good response and one that is true of a bad one, and asks for
//      the number of the right one. It is asked with the statements in both orders; probabilities are averaged.
//   2. Words: the question's ending is continued with a word; P(good) = P(good words) / P(good or bad words). It is asked
//      once: nothing stands in an order.
import type { Task } from '../data/task'
import { askLevels } from './answer-levels'
import { askForNumbers, isJury, type Asked, type Juror } from './jury'
import { isUnanswered, type Labeler, type Question, type Unanswered } from './labeler'
import { slotOneProbability } from './preference'
import { shownAlone, type SingleResponse } from './prompt'

type VerdictPrompt = NonNullable<Task['verdict']>

/** P(good) of each response, in order. @param onProgress called with the number of responses judged so far */
export async function judgeAlone(
  asked: Asked,
  verdict: VerdictPrompt,
  responses: readonly SingleResponse[],
  onProgress?: (done: number) => void,
): Promise<(number | Unanswered)[]> {
  if (!isJury(asked)) return judgeBy(asked, verdict, responses, onProgress)
  const askOne = ({ labeler }: Juror, ofOne: (done: number) => void) => judgeBy(labeler, verdict, responses, ofOne)
  const answers = await askForNumbers(asked, responses.length, askOne, onProgress)
  return answers.map((answer) => (isUnanswered(answer) ? answer : answer.value))
}

function judgeBy(
  labeler: Labeler,
  verdict: VerdictPrompt,
  responses: readonly SingleResponse[],
  onProgress?: (done: number) => void,
): Promise<(number | Unanswered)[]> {
  const { good, bad } = verdict
  return typeof good === 'string' || typeof bad === 'string'
    ? judgeByStatements(labeler, verdict, [String(good), String(bad)], responses, onProgress)
    : judgeInWords(labeler, verdict, [good, bad], responses, onProgress)
}

async function judgeInWords(
  labeler: Labeler,
  verdict: VerdictPrompt,
  [good, bad]: readonly [good: readonly string[], bad: readonly string[]],
  responses: readonly SingleResponse[],
  onProgress?: (done: number) => void,
): Promise<(number | Unanswered)[]> {
  const questions = responses.map((one) => ({
    text: `${verdict.preamble}\n\n${shownAlone(verdict, one)}\n`,
    ending: verdict.ending,
  }))
  const levels = [
    { spellings: good, value: 1 },
    { spellings: bad, value: 0 },
  ]
  const answers = await askLevels(labeler, questions, levels, onProgress)
  return answers.map((answer) => (isUnanswered(answer) ? answer : answer.probabilities[0]!))
}

function statementsQuestion(verdict: VerdictPrompt, statements: readonly string[], one: SingleResponse): Question {
  const listed = `1 - ${statements[0]}\n2 - ${statements[1]}\n`
  return { text: `${verdict.preamble}\n\n${shownAlone(verdict, one)}\n\n${listed}`, ending: verdict.ending }
}

async function judgeByStatements(
  labeler: Labeler,
  verdict: VerdictPrompt,
  [good, bad]: readonly [good: string, bad: string],
  responses: readonly SingleResponse[],
  onProgress?: (done: number) => void,
): Promise<(number | Unanswered)[]> {
  let answered = 0
  const questions = responses.flatMap((one) => [
    statementsQuestion(verdict, [good, bad], one),
    statementsQuestion(verdict, [bad, good], one),
  ])
  const answers = await labeler.ask(questions, ['1', '2'], () => onProgress?.(Math.floor(++answered / 2)))
  return responses.map((_, i) => {
    const read = [answers[2 * i]!, answers[2 * i + 1]!].map((answer) =>
      isUnanswered(answer) ? answer : slotOneProbability(answer),
    )
    const failed = read.find(isUnanswered)
    if (failed) return failed
    const [goodFirst, swapped] = read as { p: number }[]
    return (goodFirst!.p + 1 - swapped!.p) / 2
  })
}
