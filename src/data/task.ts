// A task is a folder of data: how a prompt is put to the policy, what labelers are asked, and some prompts to begin with.
import { existsSync, readFileSync, statSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { z } from 'zod'
import { parse, InvalidInput } from '../contracts/parse'

const line = z.string().min(1)
const taskFileSchema = z.strictObject({
  name: z.string().regex(/^[\w-]+$/),
  description: z.string(),
  /** A text task puts this before the text in the user's turn; a dialogue task has none. */
  instruction: z.string().optional(),
  preference: z.strictObject({
    preamble: line.describe('File with the opening of the labelling prompt.'),
    context: line,
    first: line,
    second: line,
    ending: line,
    asksForWorse: z.boolean().default(false).describe('The question names the WORSE response, as the paper\'s harmless prompt does; labels are turned round.'),
  }),
  score: z.strictObject({ preamble: line, context: line, response: line, ending: line }).describe('The direct 1–10 score.'),
  prompts: line.describe('File with the prompts used when a run names no data.'),
})

/** A task with its prompt files read in. */
export type Task = z.infer<typeof taskFileSchema>

const shipped = resolve(__dirname, '..', '..', 'tasks')

/** @param task a shipped task's name or a folder */
export function taskFolder(task: string): string {
  const own = join(shipped, task)
  if (/^[\w-]+$/.test(task) && existsSync(join(own, 'task.json'))) return own
  const folder = resolve(task)
  if (!existsSync(join(folder, 'task.json'))) throw new InvalidInput(`data: field "task" got "${task}", which is neither summarization, helpful, harmless nor a folder with a task.json`)
  return folder
}

function readText(folder: string, name: string): string {
  const file = join(folder, name)
  if (!existsSync(file) || !statSync(file).isFile()) throw new InvalidInput(`data: ${join(folder, 'task.json')} names the file ${name}, which does not exist`)
  return readFileSync(file, 'utf8').trim()
}

/** Reads a task; the names of preamble files are replaced by their text. */
export function readTask(folder: string): Task {
  const file = join(folder, 'task.json')
  const task = parse(taskFileSchema, readJsonFile(file), file)
  return {
    ...task,
    preference: { ...task.preference, preamble: readText(folder, task.preference.preamble) },
    score: { ...task.score, preamble: readText(folder, task.score.preamble) },
    prompts: join(folder, task.prompts),
  }
}

export function readJsonFile(file: string): unknown {
  try {
    return JSON.parse(readFileSync(file, 'utf8'))
  } catch (error) {
    throw new InvalidInput(`data: ${file} is not JSON: ${(error as Error).message}`, { cause: error })
  }
}
