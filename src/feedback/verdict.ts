// Whether one response is good by itself, as a probability: harmless or harmful (paper §3.4: raters judge each response
// alone). The question lists both statements and asks for the number of the right one. It is asked with the statements
// in both orders; probabilities are averaged.
import type { Task } from '../data/task'
import { isUnanswered, type Labeler, type Question, type Unanswered } from './labeler'
import { slotOneProbability } from './preference'

type VerdictPrompt = NonNullable<Task['verdict']>

interface SingleResponse {
  context: string
  response: string
}

function verdictQuestion(v: VerdictPrompt, { context, response }: SingleResponse, goodFirst: boolean): Question {
  const statements = goodFirst ? [v.good, v.bad] : [v.bad, v.good]
  const shown = `${v.context}${context}\n${v.response}${response}`
  return { text: `${v.preamble}\n\n${shown}\n\n1 - ${statements[0]}\n2 - ${statements[1]}\n`, ending: v.ending }
}

/** P(good) of each response, in order. @param onProgress called with the number of responses judged so far */
export async function judgeAlone(
  labeler: Labeler,
  verdict: VerdictPrompt,
  responses: readonly SingleResponse[],
  onProgress?: (done: number) => void,
): Promise<(number | Unanswered)[]> {
  let answered = 0
  const questions = responses.flatMap((one) => [
    verdictQuestion(verdict, one, true),
    verdictQuestion(verdict, one, false),
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
