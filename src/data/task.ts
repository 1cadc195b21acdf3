// A task is a folder of data: how a prompt is put to the policy, what labelers are asked, and some prompts to begin with.
import { existsSync, readFileSync, statSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { z } from 'zod'
import { parse, InvalidInput } from '../contracts/parse'
import { readJsonl } from '../json-lines'

const line = z.string().min(1)
const byPreamble = z.strictObject({ base: line, detailed: line })

const exemplarSchema = z.strictObject({
  context: line,
  first: line,
  second: line,
  preferred: z
    .union([z.literal(1), z.literal(2)])
    .describe('What the question names: for a task that asks for the worse response, that one.'),
  thoughts: z.tuple([line, line]).describe('On the first and on the second response, for few-shot chain of thought.'),
})

const preference = {
  preambles: byPreamble.describe('Opening of the labelling prompt: files.'),
  rationalePreambles: byPreamble.describe(
    'The same for chain of thought: asks for an explanation instead of an answer.',
  ),
  rationaleAsk: line.describe('What asks for the rationale; its last line is where the labeler goes on.'),
  thoughts: z.tuple([line, line]).describe('What begins the thoughts on each response, for few-shot chain of thought.'),
  context: line,
  first: line,
  second: line,
  ending: line,
  asksForWorse: z
    .boolean()
    .default(false)
    .describe("The question names the WORSE response, as the paper's harmless prompt does; labels are turned round."),
}
const common = {
  name: z.string().regex(/^[\w-]+$/),
  description: z.string(),
  /** A text task puts this before the text in the user's turn; a dialogue task has none. */
  instruction: z.string().optional(),
  score: z
    .strictObject({ preamble: line, context: line, response: line, ending: line })
    .describe('The direct 1–10 score.'),
  verdict: z
    .strictObject({ preamble: line, context: line, response: line, good: line, bad: line, ending: line })
    .optional()
    .describe(
      'A yes or no about one response alone, for a rate: what it is when it is good and when it is bad, and how that is asked.',
    ),
  prompts: line.describe('File with the prompts used when a run names no data.'),
}

/** task.json: texts longer than a line are in files beside it, named here. */
const taskFileSchema = z.strictObject({
  ...common,
  preference: z.strictObject({ ...preference, exemplars: line.describe('File with up to eight worked examples.') }),
})

/** A task with the text of its files in the place of their names; this is what artifacts hold. */
export const taskSchema = z.strictObject({
  ...common,
  preference: z.strictObject({ ...preference, exemplars: z.array(exemplarSchema) }),
})
export type Task = z.infer<typeof taskSchema>
export type Exemplar = z.infer<typeof exemplarSchema>

const shipped = resolve(__dirname, '..', '..', 'tasks')

/** @param task a shipped task's name or a folder */
export function taskFolder(task: string): string {
  const own = join(shipped, task)
  if (/^[\w-]+$/.test(task) && existsSync(join(own, 'task.json'))) return own
  const folder = resolve(task)
  if (!existsSync(join(folder, 'task.json')))
    throw new InvalidInput(
      `data: field "task" got "${task}", which is neither summarization, helpful, harmless nor a folder with a task.json`,
    )
  return folder
}

function existing(folder: string, name: string): string {
  const file = resolve(folder, name)
  if (!/^[\w.-]+$/.test(name))
    throw new InvalidInput(
      `data: ${join(folder, 'task.json')} names the file ${JSON.stringify(name)}; it must lie in the task's own folder`,
    )
  if (!existsSync(file) || !statSync(file).isFile())
    throw new InvalidInput(`data: ${join(folder, 'task.json')} names the file ${name}, which does not exist`)
  return file
}

/** Reads a task's folder. @throws InvalidInput naming file and field */
export function readTask(folder: string): Task {
  const file = join(folder, 'task.json')
  const task = parse(taskFileSchema, readJsonFile(file), file)
  const text = (name: string) => readFileSync(existing(folder, name), 'utf8').trim()
  const both = ({ base, detailed }: { base: string; detailed: string }) => ({
    base: text(base),
    detailed: text(detailed),
  })
  const { preference: p } = task
  return {
    ...task,
    preference: {
      ...p,
      preambles: both(p.preambles),
      rationalePreambles: both(p.rationalePreambles),
      rationaleAsk: text(p.rationaleAsk),
      exemplars: readJsonl(existing(folder, p.exemplars), exemplarSchema),
    },
    score: { ...task.score, preamble: text(task.score.preamble) },
    ...(task.verdict && { verdict: { ...task.verdict, preamble: text(task.verdict.preamble) } }),
    prompts: existing(folder, task.prompts),
  }
}

export function readJsonFile(file: string): unknown {
  try {
    return JSON.parse(readFileSync(file, 'utf8'))
  } catch (error) {
    throw new InvalidInput(`data: ${file} is not JSON: ${(error as Error).message}`, { cause: error })
  }
}
