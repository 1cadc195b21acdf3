// `rlaif prompt show`: exactly what a labeler would be sent for a row of the data.
import { parse } from '../contracts/parse'
import { isEndpoint } from '../contracts/labeler-settings'
import { workflowSchemas } from '../contracts/workflow-inputs'
import { readDataset } from '../data/dataset'
import { readTask, taskFolder } from '../data/task'
import { askingRequest, writingRequest } from '../feedback/endpoint-labeler'
import { preferenceQuestion, rationaleQuestion } from '../feedback/prompt'
import { locateModel } from '../model/locate'
import { loadTokenizer } from '../model/tokenizer'
import { worldData, worldModels } from '../world/named'

/** Stand in for responses that are only sampled when the run gets there. */
const PLACEHOLDERS: [string, string] = ['{first response}', '{second response}']

/** @param input as of `align`: task, data, seed and labeler are used */
export async function showPrompt(input: unknown, row: number): Promise<string> {
  const settings = parse(workflowSchemas.align, input, 'prompt show')
  const task = readTask(taskFolder(settings.task))
  const data = await readDataset(settings.data, task, {
    seed: settings.seed,
    promptTokens: Infinity,
    tokensOf: () => 0,
    made: worldData,
  })
  const rows = [...data.train, ...data.evaluation]
  const chosen = rows[row]
  if (!chosen) throw new Error(`prompt show: --row got ${row}; the data has rows 0 to ${rows.length - 1}`)
  const [first, second] = chosen.pairs?.[0]?.responses ?? PLACEHOLDERS
  const { labeler } = settings
  const question = (labeler.chainOfThought ? rationaleQuestion : preferenceQuestion)(task, labeler, {
    context: chosen.context,
    first,
    second,
  })

  const tokenizer = loadTokenizer(
    await locateModel(isEndpoint(labeler) ? 'default' : labeler.model, { made: worldModels }),
  )
  const tokens = (text: string) =>
    `${tokenizer.encode(text).length} tokens by the tokenizer of ${isEndpoint(labeler) ? 'the default model; the endpoint may count otherwise' : labeler.model}`
  if (!isEndpoint(labeler)) {
    const prompt = tokenizer.renderChat([{ role: 'user', content: question.text }]) + question.ending
    return `${prompt}\n\n-- row ${row}, id ${chosen.id}: ${tokens(prompt)}`
  }
  const writing = {
    maxTokens: labeler.rationaleTokens,
    temperature: labeler.temperature,
    topK: labeler.topK,
    seed: settings.seed,
  }
  const { route, body } = labeler.chainOfThought
    ? writingRequest(labeler, question, writing)
    : askingRequest(labeler, question)
  return `POST ${labeler.baseUrl.replace(/\/+$/, '')}/${route}\n${JSON.stringify(body, null, 2)}\n\n-- row ${row}, id ${chosen.id}: ${tokens(`${question.text}\n${question.ending}`)}`
}
