// `rlaif data show`: what a run would read from a dataset, and what of it the policy and a labeler get.
import { parse } from '../contracts/parse'
import { workflowSchemas } from '../contracts/workflow-inputs'
import { withDataset, type OpenDataset } from '../data/dataset'
import type { Row } from '../data/row'
import { readTask, taskFolder, type Task } from '../data/task'
import { promptLength } from '../model/prompt-length'
import { loadTokenizer, type Tokenizer } from '../model/tokenizer'
import { worldData, worldModels } from '../world/named'
import { counted } from '../number-format'

interface ShowFlags {
  /** In place of the path in the input. */
  path: string | undefined
  /** Number of rows to show. */
  rows: number
}

/**
 * @param input the input of align, of which task, data, model, template, limits and seed are used
 * @returns what a run would read, the same for the terminal, and whether a run could use the data
 */
export async function showData(
  input: unknown,
  flags: ShowFlags,
): Promise<{ shown: ShownData; text: string; isEnough: boolean }> {
  const settings = parse(workflowSchemas.align, withPath(input, flags.path), 'data show')
  const { data, seed, limits, template } = settings
  const task = readTask(taskFolder(settings.task))
  const { locateModel } = await import('../model/locate.js') // with TensorFlow.js, which other commands do without
  const tokenizer = loadTokenizer(await locateModel(settings.model, { made: worldModels }), template)
  const options = {
    seed,
    promptTokens: limits.promptTokens,
    least: 0,
    tokensOf: ({ messages }: Row) => promptLength(tokenizer, messages),
    generated: worldData,
  }
  return withDataset(data, task, options, (dataset) => {
    const shown = shownData(dataset, tokenizer, flags.rows)
    return { shown, text: lines(shown, task).join('\n'), isEnough: shown.used >= 2 }
  })
}

function withPath(input: unknown, path: string | undefined): unknown {
  if (path === undefined) return input
  const given = (input ?? {}) as { data?: unknown }
  return { ...given, data: { ...(typeof given.data === 'object' ? given.data : {}), path } }
}

type ShownData = ReturnType<typeof shownData>

function shownData(dataset: OpenDataset, tokenizer: Tokenizer, rows: number) {
  return {
    format: dataset.format,
    read: dataset.read,
    used: dataset.train.length + dataset.evaluation.length,
    evaluation: dataset.evaluation.length,
    notRead: dataset.unread,
    rows: dataset.first(rows).map(({ row, where }) => ({
      where,
      ...row,
      policyPrompt: tokenizer.renderChat(row.messages),
      policyPromptTokens: promptLength(tokenizer, row.messages),
    })),
    leftOut: Object.entries(dataset.dropped)
      .sort(([, a], [, b]) => b - a)
      .map(([reason, count]) => {
        const { where, row } = dataset.examples[reason]!
        return { reason, rows: count, first: { where, row } }
      }),
  }
}

function lines(shown: ShownData, task: Task): string[] {
  const { format, read, used, evaluation, notRead, rows, leftOut } = shown
  return [
    `Format: ${format}`,
    `Rows: ${read} read, of which ${counted(used, 'prompt is', 'prompts are')} used, ` +
      `${evaluation} of them held out for the evaluation`,
    ...(notRead.length > 0 ? [`Fields that are not read: ${notRead.join(', ')}`] : []),
    ...(used < 2 ? ['A run needs at least 2 prompts: it would fail.'] : []),
    ...rows.flatMap((row) => ['', ...rowLines(row, task)]),
    ...(leftOut.length > 0 ? ['', 'Left out:'] : []),
    ...leftOut.flatMap(({ reason, rows: count, first }) => [
      `  ${count} × ${reason}`,
      ...block(`${first.where}: ${first.row}`, '    '),
    ]),
  ]
}

function rowLines(row: ShownData['rows'][number], { preference: { context, first, second } }: Task): string[] {
  return [
    `${row.where}, id ${row.id}`,
    `  The policy gets ${counted(Number(row.policyPromptTokens), 'token')}:`,
    ...block(row.policyPrompt),
    '  A labeler gets:',
    ...block(`${context}${row.context}`),
    ...(row.pairs ?? []).flatMap(({ responses, preferred }) => [
      ...block(`${first}${responses[0]}\n${second}${responses[1]}`),
      `    (people: ${preferred === 0 ? 'a tie' : `the ${preferred === 1 ? 'first' : 'second'} is better`})`,
    ]),
    ...(row.reference === undefined ? [] : ['  The reference is:', ...block(row.reference)]),
  ]
}

const block = (text: string, indent = '    '): string[] => text.split('\n').map((line) => `${indent}${line}`)
