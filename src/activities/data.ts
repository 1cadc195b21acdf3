// Stage `data`: the rows and the task of a run, fixed once, so that everything after rests on content and not on paths.
import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { readDataset } from '../data/dataset'
import { writeJsonl } from '../data/jsonl'
import { readJsonFile, readTask, taskFolder } from '../data/task'
import { loadTokenizer } from '../model/tokenizer'
import { promptIds } from './rows'
import type { Stage } from './stage'

export const data: Stage<'data'> = {
  async run({ task: name, data: settings, limits, seed, model }, host) {
    const folder = taskFolder(name)
    const task = readTask(folder)
    const tokenizer = loadTokenizer(host.open(model))
    const dataset = readDataset(settings, task, seed, limits.promptTokens, (row) => promptIds({ tokenizer }, row).length)
    writeJsonl(join(host.output, 'train.jsonl'), dataset.train)
    writeJsonl(join(host.output, 'evaluation.jsonl'), dataset.evaluation)
    writeFileSync(join(host.output, 'dropped.json'), JSON.stringify(dataset.dropped, null, 2))
    copyTask(folder, join(host.output, 'task'))
    const all = [...dataset.train, ...dataset.evaluation]
    return {
      task: task.name,
      source: settings.path ? basename(settings.path) : `the ${task.name} task's own prompts`,
      read: dataset.read,
      train: dataset.train.length,
      evaluation: dataset.evaluation.length,
      dropped: Object.values(dataset.dropped).reduce((a, b) => a + b, 0),
      references: dataset.train.filter((row) => row.reference !== undefined).length,
      humanPairs: all.filter((row) => row.pair).length,
    }
  },
}

/** The task with its prompt files under fixed names. */
function copyTask(from: string, to: string): void {
  const raw = readJsonFile(join(from, 'task.json')) as { preference: { preamble: string }; score: { preamble: string } }
  mkdirSync(to)
  copyFileSync(join(from, raw.preference.preamble), join(to, 'preference.txt'))
  copyFileSync(join(from, raw.score.preamble), join(to, 'score.txt'))
  const renamed = { ...raw, preference: { ...raw.preference, preamble: 'preference.txt' }, score: { ...raw.score, preamble: 'score.txt' } }
  writeFileSync(join(to, 'task.json'), JSON.stringify(renamed, null, 2))
}
