// The text of labelling questions (paper §2.1, Appendix D, Tables 15–22): preamble, exemplars, sample, ending.
import type { Exemplar, Task } from '../data/task'
import type { Question } from './labeler'

/** How a labeler is asked (paper §2.1, §4.4); each is a setting. */
export interface Prompting {
  preamble: 'base' | 'detailed'
  /** Worked examples before the sample. */
  exemplars: number
  /** Two steps: a rationale is written first, then the answer is read after it. */
  chainOfThought: boolean
}

export interface Pair {
  context: string
  first: string
  second: string
}

const EXAMPLE = '>>>>>>>> Example >>>>>>>>'
const FOLLOW = '>>>>>>>> Follow the instructions and the example(s) above >>>>>>>>'

const sampleLines = ({ preference: p }: Task, { context, first, second }: Pair) =>
  `${p.context}${context}\n${p.first}${first}\n${p.second}${second}`

function exampleOf(task: Task, exemplar: Exemplar, chainOfThought: boolean): string {
  const { thoughts, ending } = task.preference
  const reasoning = chainOfThought
    ? [`${thoughts[0]}\n${exemplar.thoughts[0]}`, `${thoughts[1]}\n${exemplar.thoughts[1]}`]
    : []
  return [EXAMPLE, sampleLines(task, exemplar), ...reasoning, `${ending}${exemplar.preferred}`].join('\n\n')
}

/** Everything up to the sample, which all questions of a stage share, then the sample. */
function question(task: Task, { preamble, exemplars, chainOfThought }: Prompting, pair: Pair): string {
  const { preambles, rationalePreambles } = task.preference
  const shown = task.preference.exemplars.slice(0, exemplars)
  if (shown.length < exemplars)
    throw new Error(`label: the task ${task.name} has ${shown.length} exemplars, the labeler asks for ${exemplars}`)
  const examples =
    shown.length > 0 ? [...shown.map((exemplar) => exampleOf(task, exemplar, chainOfThought)), FOLLOW] : []
  return [(chainOfThought ? rationalePreambles : preambles)[preamble], ...examples, sampleLines(task, pair)].join(
    '\n\n',
  )
}

/** The question without chain of thought. */
export function preferenceQuestion(task: Task, prompting: Prompting, pair: Pair): Question {
  return { text: `${question(task, prompting, pair)}\n`, ending: task.preference.ending }
}

/** Step one of chain of thought. With exemplars their form is followed, without any the rationale is asked for. */
export function rationaleQuestion(task: Task, prompting: Prompting, pair: Pair): Question {
  const text = question(task, prompting, pair)
  if (prompting.exemplars > 0) return { text: `${text}\n`, ending: task.preference.thoughts[0] }
  const lines = task.preference.rationaleAsk.split('\n')
  return { text: `${text}\n\n${lines.slice(0, -1).join('\n').trim()}\n`, ending: lines.at(-1)! }
}

/** Step two: the same prompt, the rationale, and the usual ending. */
export function answerAfter({ text, ending }: Question, rationale: string, task: Task): Question {
  return { text, ending: `${ending} ${withoutAnswer(rationale, task)}\n\n${task.preference.ending}` }
}

/** A labeler that goes on to answer by itself is cut there: the answer is read from probabilities. */
function withoutAnswer(rationale: string, { preference: { ending } }: Task): string {
  const at = rationale.indexOf(ending.replace(/=$/, ''))
  return (at < 0 ? rationale : rationale.slice(0, at)).trim()
}
