// Stage `data`: the rows and the task of a run, read once, so that all later stages depend on content and not on paths.
import { writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { digestOf, refuseChanged, sha256Name } from '../../digest'
import { readDataset } from '../../data/dataset'
import type { Row } from '../../data/row'
import { writeJsonl } from '../../json-lines'
import { readTask, taskFolder, taskText } from '../../data/task'
import { TemplateRefusal } from '../../model/chat-template'
import { loadTokenizer, type Tokenizer } from '../../model/tokenizer'
import { worldData } from '../../world/named'
import { DROPPED_FILE } from '../result-files'
import { promptIds } from '../rows'
import type { Stage } from '../stage'
import { templateFigures } from '../template-figures'

export const data: Stage<'data'> = {
  async run({ task: name, data: settings, limits, seed, model }, host) {
    const task = readTask(taskFolder(name))
    refuseChanged(`data: task ${name}`, host.sources.task, sha256Name(digestOf(taskText(task))))
    const tokenizer = loadTokenizer(await host.open(model))
    const dataset = await readDataset(settings, task, {
      seed,
      promptTokens: limits.promptTokens,
      tokensOf: (row) => promptLength(tokenizer, row),
      generated: worldData,
      source: host.sources.data,
    })
    writeJsonl(join(host.output, 'train.jsonl'), dataset.train)
    writeJsonl(join(host.output, 'evaluation.jsonl'), dataset.evaluation)
    writeFileSync(join(host.output, DROPPED_FILE), JSON.stringify(dataset.dropped, null, 2))
    writeFileSync(join(host.output, 'task.json'), taskText(task))
    const all = [...dataset.train, ...dataset.evaluation]
    return {
      task: task.name,
      source: settings.path ? basename(settings.path) : `the ${task.name} task's own prompts`,
      read: dataset.read,
      train: dataset.train.length,
      evaluation: dataset.evaluation.length,
      dropped: Object.values(dataset.dropped).reduce((a, b) => a + b, 0),
      references: dataset.train.filter((row) => row.reference !== undefined).length,
      humanPairs: all.reduce((sum, { pairs = [] }) => sum + pairs.length, 0),
      ...templateFigures(tokenizer, 'model'),
    }
  },
}

/** In tokens; a conversation that the chat template does not accept is one row less, not the end of the run. */
function promptLength(tokenizer: Tokenizer, row: Row): number | { refused: string } {
  try {
    return promptIds({ tokenizer }, row).length
  } catch (error) {
    if (error instanceof TemplateRefusal) return { refused: error.message }
    throw error
  }
}
