// Stage `data`: the rows and the task of a run, read once, so that all later stages depend on content and not on paths.
import { writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { digestOf, refuseChanged, sha256Name } from '../../digest'
import { withDataset, type OpenDataset } from '../../data/dataset'
import type { Row } from '../../data/row'
import { writeJsonl } from '../../json-lines'
import { readTask, taskFolder, taskText } from '../../data/task'
import { promptLength } from '../../model/prompt-length'
import { policyFolders } from '../../model/policy'
import { loadTokenizer } from '../../model/tokenizer'
import { worldData } from '../../world/named'
import { writeDropped } from '../result-files'
import type { Stage } from '../stage'
import { templateFigures } from '../template-figures'

export const data: Stage<'data'> = {
  async run({ task: name, data: settings, limits, seed, model }, host) {
    const task = readTask(taskFolder(name))
    refuseChanged(`data: task ${name}`, host.sources.task, sha256Name(digestOf(taskText(task))))
    const tokenizer = loadTokenizer((await policyFolders(model, host.open)).folder)
    const options = {
      seed,
      promptTokens: limits.promptTokens,
      tokensOf: ({ messages }: Row) => promptLength(tokenizer, messages),
      generated: worldData,
      source: host.sources.data,
    }
    writeFileSync(join(host.output, 'task.json'), taskText(task))
    return withDataset(settings, task, options, (dataset) => ({
      task: task.name,
      source: settings.path ? basename(settings.path) : `the ${task.name} task's own prompts`,
      ...(settings.path && { format: dataset.format }),
      read: dataset.read,
      ...written(dataset, host.output),
      ...(dataset.unread.length > 0 && { fieldsNotRead: dataset.unread.join(', ') }),
      ...templateFigures(tokenizer, 'model'),
    }))
  },
}

/** Writes the rows and what was left out. @returns the figures that count them */
function written(dataset: OpenDataset, folder: string) {
  let [references, humanPairs] = [0, 0]
  const counted = function* (rows: Iterable<Row>, isTrain: boolean) {
    for (const row of rows) {
      if (isTrain && row.reference !== undefined) references++
      humanPairs += row.pairs?.length ?? 0
      yield row
    }
  }
  writeJsonl(join(folder, 'train.jsonl'), counted(dataset.train, true))
  writeJsonl(join(folder, 'evaluation.jsonl'), counted(dataset.evaluation, false))
  writeDropped(folder, dataset)
  return {
    train: dataset.train.length,
    evaluation: dataset.evaluation.length,
    dropped: Object.values(dataset.dropped).reduce((a, b) => a + b, 0),
    references,
    humanPairs,
  }
}
