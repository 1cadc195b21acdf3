// The prompts of labelling questions (paper §2.1, Appendix D, Tables 15–22): preamble, exemplars, sample, ending.
import type { Exemplar, Task } from '../data/task'
import type { Question } from './labeler'

/** How a principle is shown. */
const principleText = (principle: string): string => `Judge by this principle: ${principle}`

/** How a labeler is asked (paper §2.1, §4.4); each is a setting. */
export interface Prompting {
  preamble: 'base' | 'detailed'
  /** Number of worked examples before the sample. */
  exemplars: number
  /** A rationale is written first, then the answer is read after it. */
  chainOfThought: boolean
  /** Shown before the sample (principles.ts). */
  principle?: string
}

/** A pair as text: what a labeler is shown. */
export interface Pair {
  context: string
  first: string
  second: string
}

/** One response, judged by itself. */
export interface SingleResponse {
  context: string
  response: string
}

const EXAMPLE = '>>>>>>>> Example >>>>>>>>'
const FOLLOW = '>>>>>>>> Follow the instructions and the example(s) above >>>>>>>>'

const sampleLines = ({ preference: p }: Task, { context, first, second }: Pair) =>
  `${p.context}${context}\n${p.first}${first}\n${p.second}${second}`

/** One response with what a task puts before it, after its context if the task shows it. */
export const shownAlone = (
  marks: { context?: string | undefined; response: string },
  { context, response }: SingleResponse,
): string => `${marks.context === undefined ? '' : `${marks.context}${context}\n`}${marks.response}${response}`

function exampleOf(task: Task, exemplar: Exemplar, chainOfThought: boolean): string {
  const { thoughts, ending } = task.preference
  const reasoning = chainOfThought
    ? [`${thoughts[0]}\n${exemplar.thoughts[0]}`, `${thoughts[1]}\n${exemplar.thoughts[1]}`]
    : []
  return [EXAMPLE, sampleLines(task, exemplar), ...reasoning, `${ending}${exemplar.preferred}`].join('\n\n')
}

/** Preamble and exemplars, which all questions of a stage share, then the sample. */
function promptText(task: Task, { preamble, exemplars, chainOfThought, principle }: Prompting, pair: Pair): string {
  const { preambles, rationalePreambles } = task.preference
  const shown = task.preference.exemplars.slice(0, exemplars)
  if (shown.length < exemplars)
    throw new Error(
      `label: the task ${task.name} has ${shown.length} exemplars, but the setting "exemplars" is ${exemplars}; ` +
        "lower it, or add exemplars to the task's folder",
    )
  const examples =
    shown.length > 0 ? [...shown.map((exemplar) => exampleOf(task, exemplar, chainOfThought)), FOLLOW] : []
  const judgedBy = principle === undefined ? [] : [principleText(principle)]
  const opening = (chainOfThought ? rationalePreambles : preambles)[preamble]
  return [opening, ...examples, ...judgedBy, sampleLines(task, pair)].join('\n\n')
}

/** The question without chain of thought. */
export function preferenceQuestion(task: Task, prompting: Prompting, pair: Pair): Question {
  return { text: `${promptText(task, prompting, pair)}\n`, ending: task.preference.ending }
}

/** Step one of chain of thought: continues in the form of the exemplars or, without any, asks for a rationale. */
export function rationaleQuestion(task: Task, prompting: Prompting, pair: Pair): Question {
  const text = promptText(task, prompting, pair)
  if (prompting.exemplars > 0) return { text: `${text}\n`, ending: task.preference.thoughts[0] }
  const lines = task.preference.rationaleAsk.split('\n')
  return { text: `${text}\n\n${lines.slice(0, -1).join('\n').trim()}\n`, ending: lines.at(-1)! }
}

/** Step two of chain of thought: the same prompt, the rationale, and the usual ending. */
export function answerAfter({ text, ending }: Question, rationale: string, task: Task): Question {
  return { text, ending: `${ending} ${withoutAnswer(rationale, task)}\n\n${task.preference.ending}` }
}

/** Where an answer begins that a labeler wrote by itself after its rationale. */
export const answerMark = ({ preference: { ending } }: Task): string => ending.replace(/=$/, '')

/** Cuts off an answer that the labeler wrote by itself: the answer is read from probabilities. */
function withoutAnswer(rationale: string, task: Task): string {
  const at = rationale.indexOf(answerMark(task))
  return (at < 0 ? rationale : rationale.slice(0, at)).trim()
}
