// A task is a folder of data: how the policy is prompted, what labelers are asked, and some prompts to start with.
import { existsSync, readFileSync } from 'node:fs'
import { basename, join, resolve } from 'node:path'
import { z } from 'zod'
import { parse, InvalidInput } from '../contracts/parse'
import { jsonFault, shownValue } from '../file-faults'
import { checkFile, checkGivenPath, readGivenFile } from '../given-path'
import { readJsonl } from '../json-lines'
import { plainLines, withoutMark } from '../text-file'

const line = z.string().min(1)
const byPreamble = z.strictObject({ base: line, detailed: line })

/** A worked example of a labelling prompt. */
export const exemplarSchema = z.strictObject({
  context: line,
  first: line,
  second: line,
  preferred: z
    .union([z.literal(1), z.literal(2)])
    .describe('The answer to the question: the worse response, if the task asks for the worse one.'),
  thoughts: z
    .tuple([line, line])
    .describe('Thoughts on the first and on the second response, for few-shot chain of thought.'),
})

const preference = {
  preambles: byPreamble.describe('Files with the opening of the labelling prompt.'),
  rationalePreambles: byPreamble.describe(
    'Files with the opening for chain of thought: it asks for an explanation instead of an answer.',
  ),
  rationaleAsk: line.describe('File with the request for a rationale; the labeler continues its last line.'),
  thoughts: z
    .tuple([line, line])
    .describe('Beginnings of the thoughts on each response, for few-shot chain of thought.'),
  context: line,
  first: line,
  second: line,
  ending: line,
  asksForWorse: z
    .boolean()
    .default(false)
    .describe(
      "Whether the question asks for the WORSE response, as the paper's harmless prompt does. " +
        'If so, labels are inverted: they always prefer the better response.',
    ),
}

const word = z
  .string()
  .regex(/^[\p{L}\p{M}\p{N}]+$/u, 'must be one word or number: letters and digits only')
  .describe('A word or number as a labeler writes it: upper and lower case differ.')
const words = z.array(word).min(1)

const answersSchema = z
  .array(z.strictObject({ spellings: words, value: z.number() }))
  .min(2)
  .superRefine((answers, context) => {
    const spellings = answers.flatMap((answer) => answer.spellings)
    refuseTwice(spellings, context)
    if (new Set(answers.map(({ value }) => value)).size === 1)
      context.addIssue({ code: 'custom', message: 'must have at least two different values' })
  })
  .describe('The answers and their values, each in one or more spellings. Default: the numbers from 1 to 10.')

/** One spelling would be two answers. */
function refuseTwice(spellings: readonly string[], context: z.RefinementCtx): void {
  const twice = spellings.find((spelling, i) => spellings.indexOf(spelling) < i)
  if (twice !== undefined) context.addIssue({ code: 'custom', message: `must list ${shownValue(twice)} only once` })
}

const shownContext = line
  .optional()
  .describe('Stands before the post or conversation. Left out, the labeler is shown the response alone.')
const verdictForm = z.union([line, words])

const verdictSchema = z
  .strictObject({
    preamble: line,
    context: shownContext,
    response: line,
    good: verdictForm.describe('The statement that is true of a good response, or the words that say so.'),
    bad: verdictForm.describe('The statement that is true of a bad response, or the words that say so.'),
    ending: line,
  })
  .superRefine(({ good, bad }, context) => {
    if (typeof good !== typeof bad)
      context.addIssue({
        code: 'custom',
        path: ['bad'],
        message: 'must be a statement or a list of words, as "good" is',
      })
    if (typeof good !== 'string' && typeof bad !== 'string') refuseTwice([...good, ...bad], context)
  })

const common = {
  name: z.string().regex(/^[\w-]+$/),
  description: z.string(),
  /** Stands before the text in the user's turn; a dialogue task has none. */
  instruction: z.string().optional(),
  score: z
    .strictObject({
      preamble: line,
      context: shownContext,
      response: line,
      ending: line,
      answers: answersSchema.optional(),
    })
    .describe('Texts of the prompt that asks for a direct score.'),
  verdict: verdictSchema
    .optional()
    .describe(
      'Texts of the prompt that asks, for rates such as harmlessness, which of two statements is true of a response, ' +
        'or for a word about it.',
    ),
  prompts: line.describe('File with the prompts that are used if a run names no data.'),
}

const criterionSchema = z.strictObject({
  name: z
    .string()
    .regex(/^[\w-]{1,40}$/)
    .describe('Name of the criterion in metrics and reports.'),
  question: line.describe('The question, in words, about one response.'),
  weight: z.number().positive().default(1).describe('Weight in the mean over the criteria.'),
  ending: line.optional().describe('What the labeler continues with its answer. Default: "Answer:".'),
  answers: answersSchema.optional(),
})
/** A question of a rubric. */
export type Criterion = z.infer<typeof criterionSchema>

/**
 * What a task gives labelers that ask for it, beside its own questions. It is no part of `data` artifacts: stages that
 * do not ask for it are the same with and without it.
 */
const guidanceFields = {
  rubric: z
    .array(criterionSchema)
    .min(1)
    .max(32)
    .superRefine((rubric, context) =>
      refuseTwice(
        rubric.map(({ name }) => name),
        context,
      ),
    )
    .optional()
    .describe('Weighted questions about one response, for labelers with `score: "rubric"`.'),
  principles: z
    .array(line)
    .min(1)
    .optional()
    .describe('What makes a response good, a sentence each, for `principles` of a labeler and for `revise`.'),
}
export const guidanceSchema = z.strictObject({ task: z.string(), ...guidanceFields })
/** Rubric and principles of a task, by its name. */
export type TaskGuidance = z.infer<typeof guidanceSchema>

/** task.json: texts longer than a line are in files next to it, named here. */
const taskFileSchema = z.strictObject({
  ...common,
  ...guidanceFields,
  preference: z.strictObject({ ...preference, exemplars: line.describe('File with up to eight worked examples.') }),
})

/** A task with the contents of its files in place of their names; this is what artifacts hold. */
export const taskSchema = z.strictObject({
  ...common,
  preference: z.strictObject({ ...preference, exemplars: z.array(exemplarSchema) }),
})
export type Task = z.infer<typeof taskSchema>
/** A task as its folder has it. */
export type GivenTask = Task & Omit<TaskGuidance, 'task'>
export type Exemplar = z.infer<typeof exemplarSchema>

const SHIPPED_TASKS = resolve(__dirname, '..', '..', 'tasks')

export const isShippedTask = (task: string): boolean =>
  /^[\w-]+$/.test(task) && existsSync(join(SHIPPED_TASKS, task, 'task.json'))

/** @param task name of a shipped task, or a folder */
export function taskFolder(task: string): string {
  if (isShippedTask(task)) return join(SHIPPED_TASKS, task)
  const folder = checkGivenPath(task, 'data: field "task"')
  if (!existsSync(join(folder, 'task.json')))
    throw new InvalidInput(
      `data: field "task" got "${task}", ` +
        'which is neither summarization, helpful, harmless, cheerful nor a folder with a task.json',
    )
  return folder
}

/** Fields of a parsed file, by the texts that they hold. */
function fieldsOf(value: object, path: readonly string[] = []): [text: string, field: string][] {
  return Object.entries(value).flatMap(([name, entry]: [string, unknown]): [string, string][] => {
    const at = [...path, name]
    if (typeof entry === 'string') return [[entry, `field "${at.join('.')}"`]]
    return typeof entry === 'object' && entry !== null ? fieldsOf(entry, at) : []
  })
}

/** @param field of the task that names the file: messages do not quote what it holds */
function fileIn(folder: string, name: string, field: string): string {
  const file = resolve(folder, name)
  if (!/^(?!\.+$)[\w.-]+$/.test(name))
    throw new InvalidInput(
      `data: ${join(folder, 'task.json')}: ${field} names a file elsewhere; it must lie in the task's own folder`,
    )
  if (!existsSync(file))
    throw new InvalidInput(`data: ${join(folder, 'task.json')}: ${field} names a file that does not exist`)
  checkFile(file, folder)
  return file
}

/** Reads a task's folder. @throws InvalidInput naming file and field */
export function readTask(folder: string): GivenTask {
  const taskFile = join(folder, 'task.json')
  const json = parsedJson(readGivenFile(taskFile, folder).toString('utf8'), taskFile)
  const task = parse(taskFileSchema, json, taskFile, 'types')
  const fields = new Map(fieldsOf(task))
  const file = (name: string) => fileIn(folder, name, fields.get(name) ?? 'a field')
  const text = (name: string) => plainLines(readGivenFile(file(name), folder).toString('utf8')).trim()
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
      exemplars: readJsonl(file(p.exemplars), exemplarSchema),
    },
    score: { ...task.score, preamble: text(task.score.preamble) },
    ...(task.verdict && { verdict: { ...task.verdict, preamble: text(task.verdict.preamble) } }),
    prompts: file(task.prompts),
  }
}

/** A task as artifacts hold it, in task.json: its prompts are rows there, and only the file's name is left here. */
export function taskText({ rubric: _, principles: __, ...task }: GivenTask): string {
  return JSON.stringify({ ...task, prompts: basename(task.prompts) }, null, 2)
}

/** What the artifact of stage `guidance` holds of a task. */
export const guidanceOf = ({ name: task, rubric, principles }: GivenTask): TaskGuidance => ({
  task,
  ...(rubric && { rubric }),
  ...(principles && { principles }),
})

export const readJsonFile = (file: string): unknown => parsedJson(readFileSync(file, 'utf8'), file)

function parsedJson(text: string, file: string): unknown {
  try {
    return JSON.parse(withoutMark(text))
  } catch (error) {
    throw new InvalidInput(`data: ${file} is not JSON, ${jsonFault(error)}`, { cause: error })
  }
}
