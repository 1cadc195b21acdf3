// Rows in a program, with the fields that rows of a file have (docs/data-and-tasks.md).
import { z } from 'zod'
import { InvalidInput, parse } from '../contracts/parse'
import { dataSchema } from '../contracts/settings'
import { ownFormat } from './formats'
import { idOfPrompt } from './merged-rows'
import { messageSchema, type Draft, type Row } from './row'
import type { Task } from './task'
import { Unusable } from './unusable'

/** A row: a prompt, what it may be answered with, and which of two responses people preferred. */
export const givenRowSchema = z.strictObject({
  id: z.string().optional().describe('Default: derived from the prompt.'),
  prompt: z.string().optional().describe('What is asked; with the instruction of the task, if it has one.'),
  messages: z.array(messageSchema).min(1).optional().describe('In place of a prompt: the turns of a conversation.'),
  reference: z.string().optional().describe('A response to learn from.'),
  responses: z.array(z.string()).min(2).optional().describe('Responses to the prompt, to be compared.'),
  preferred: z
    .union([z.literal(1), z.literal(2), z.literal(0)])
    .optional()
    .describe('Which of two responses people preferred; 0 for a tie.'),
  scores: z.array(z.number()).optional().describe('In place of a preference: a score for each response.'),
})
export type GivenRow = z.infer<typeof givenRowSchema>

const settings = dataSchema.parse({})

/** The row that stages work with. @throws InvalidInput saying what the row lacks */
export function rowOf(given: GivenRow, task: Task): Row {
  const { id, ...draft } = draftOf(parse(givenRowSchema, given, 'data: a row'), task)
  return { ...draft, id: id ?? idOfPrompt(draft) }
}

/** The first two responses of a row as a labeler is shown them. @throws InvalidInput saying what the row lacks */
export function pairOf(given: GivenRow, task: Task): { context: string; first: string; second: string } {
  const { prompt, messages, responses } = parse(givenRowSchema, given, 'data: a row')
  const [first, second] = responses ?? []
  if (first === undefined || second === undefined)
    throw new InvalidInput('data: a row without "responses" is no pair; give it two')
  return { context: draftOf({ prompt, messages }, task).context, first, second }
}

function draftOf(row: GivenRow, task: Task): Draft {
  try {
    return ownFormat.read(withoutUndefined(row), task, settings)
  } catch (error) {
    throw error instanceof Unusable
      ? new InvalidInput(`data: a row cannot be used: ${error.message}`, { cause: error })
      : error
  }
}

const withoutUndefined = (row: object): object =>
  Object.fromEntries(Object.entries(row).filter(([, value]) => value !== undefined))
