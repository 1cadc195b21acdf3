// `rlaif prompt show`: exactly what a labeler would be sent for a row of the data.
import { isEndpoint, membersOf, type EndpointSettings, type MemberSettings } from '../contracts/labeler-settings'
import { InvalidInput, parse } from '../contracts/parse'
import { workflowSchemas } from '../contracts/workflow-inputs'
import { withDataset, type OpenDataset } from '../data/dataset'
import type { Row } from '../data/row'
import { guidanceFor } from '../feedback/guidance-for'
import { guidanceOf, readTask, taskFolder, type GivenTask } from '../data/task'
import { scoreLevels, type Level } from '../feedback/answer-levels'
import { routeUrl } from '../feedback/endpoint-address'
import { askingRequest, writingRequest } from '../feedback/endpoint-requests'
import type { Question } from '../feedback/labeler'
import { scoreQuestion } from '../feedback/direct-score'
import { preferenceQuestion, rationaleQuestion, type Pair } from '../feedback/prompt'
import { principleOf } from '../feedback/principles'
import { criterionLevels, criterionQuestion } from '../feedback/rubric'
import { locateModel } from '../model/locate'
import { loadTokenizer } from '../model/tokenizer'
import { worldData, worldModels } from '../world/named'
import { counted } from '../number-format'

/** Stand-ins for responses that only the run will sample. */
const PLACEHOLDERS: [string, string] = ['{first response}', '{second response}']

/** @param input the input of align, of which task, data, seed and labeler are used */
export async function showPrompt(input: unknown, row: number): Promise<string> {
  const settings = parse(workflowSchemas.align, input, 'prompt show')
  const { labeler, seed } = settings
  const task = readTask(taskFolder(settings.task))
  const options = { seed, promptTokens: Infinity, tokensOf: () => 0, generated: worldData }
  const chosen = await withDataset(settings.data, task, options, (dataset) => rowAt(dataset, row))
  const [first, second] = chosen.pairs?.[0]?.responses ?? PLACEHOLDERS
  const pair = { context: chosen.context, first, second }
  const shown = []
  for (const member of membersOf(labeler)) shown.push(await shownTo(member, { task, pair, seed, row, id: chosen.id }))
  return shown.join('\n\n')
}

interface Shown {
  task: GivenTask
  pair: Pair
  seed: number
  row: number
  id: string
}

async function shownTo(labeler: MemberSettings, { task, pair, seed, row, id }: Shown): Promise<string> {
  const { text: asked, ending, options } = questionOf(task, labeler, pair, seed)
  const question = { text: asked, ending }
  const model = isEndpoint(labeler) ? 'default' : labeler.model
  const template = isEndpoint(labeler) ? {} : labeler.template
  const tokenizer = loadTokenizer(await locateModel(model, { made: worldModels }), template)
  const footer = (text: string, tokenizerName: string) => {
    const tokens = counted(tokenizer.encode(text).length, 'token')
    return `-- row ${row}, id ${id}: ${tokens} by the tokenizer of ${tokenizerName}`
  }
  if (!isEndpoint(labeler)) {
    const prompt = tokenizer.renderChat([{ role: 'user', content: question.text }]) + question.ending
    return `${prompt}\n\n${footer(prompt, model)}`
  }
  const text = `${question.text}\n${question.ending}`
  const request = requestText(labeler, question, options, seed)
  return `${request}\n\n${footer(text, 'the default model; the endpoint may count differently')}`
}

/** @param number in the order in which the run draws the rows, those for the evaluation last */
function rowAt({ train, evaluation }: OpenDataset, number: number): Row {
  const rows = train.length + evaluation.length
  let passed = 0
  for (const split of [train, evaluation]) for (const row of split) if (passed++ === number) return row
  throw new InvalidInput(`prompt show: --row got ${number}; the data has rows 0 to ${rows - 1}`)
}

/** The first question about a pair; one response alone is the first of the pair. */
function questionOf(
  task: GivenTask,
  labeler: MemberSettings,
  pair: Pair,
  seed: number,
): Question & { options: string[] } {
  const { guidance = {} } = guidanceFor(labeler, guidanceOf(task), 'labeler')
  const spelled = (levels: readonly Level[]) => levels.flatMap(({ spellings }) => [...spellings])
  const [criterion] = guidance.rubric ?? []
  const one = { context: pair.context, response: pair.first }
  if (criterion) return { ...criterionQuestion(task, criterion, one), options: spelled(criterionLevels(criterion)) }
  if (labeler.comparison === 'pointwise')
    return { ...scoreQuestion(task, pair.context, pair.first), options: spelled(scoreLevels(task)) }
  const { principles } = guidance
  const principle = principles?.[principleOf(pair, principles.length, seed, 0)]
  const prompting = principle === undefined ? labeler : { ...labeler, principle }
  const build = labeler.chainOfThought ? rationaleQuestion : preferenceQuestion
  return { ...build(task, prompting, pair), options: ['1', '2'] }
}

function requestText(labeler: EndpointSettings, question: Question, options: readonly string[], seed: number): string {
  const writing =
    labeler.comparison === 'pairwise' && labeler.chainOfThought
      ? { maxTokens: labeler.rationaleTokens, temperature: labeler.temperature, topK: labeler.topK, seed }
      : undefined
  const { route, body } = writing
    ? writingRequest(labeler, question, writing)
    : askingRequest(labeler, question, options)
  return `POST ${routeUrl(labeler.baseUrl, route)}\n${JSON.stringify(body, null, 2)}`
}
