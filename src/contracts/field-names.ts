// The names of the fields of a row, and what its votes mean: `fields` of the dataset.
import { z } from 'zod'
import { nameGiven } from './fields'

const scalar = z.union([z.string(), z.number(), z.boolean()])
const values = z.preprocess((given) => (Array.isArray(given) ? given : [given]), z.array(scalar).min(1))

const voteSchema = z
  .strictObject({
    field: nameGiven.describe('Name of the field with the vote.'),
    first: values.describe('Value, or list of values, of a vote for the first response.'),
    second: values.describe('Value, or list of values, of a vote for the second response.'),
    tie: values
      .prefault([0])
      .describe('Value, or list of values, of a tie. Default: 0, unless it is one of the others.'),
  })
  .describe('A vote with values of its own, e.g. {"field": "labels", "first": 1, "second": 0}.')
type Vote = z.infer<typeof voteSchema>

const several = z.union([nameGiven, z.array(nameGiven).min(2).max(16)])

export const fieldNamesSchema = z
  .strictObject({
    id: nameGiven.optional().describe('Identifies the row: a text or a whole number.'),
    prompt: nameGiven.optional().describe('The prompt: a text, or turns.'),
    system: nameGiven.optional().describe('A system prompt: a text that is put before the prompt as a turn.'),
    messages: nameGiven.optional().describe('A conversation as turns.'),
    reference: nameGiven.optional().describe('The target response of SFT.'),
    responses: several
      .optional()
      .describe('Responses that people compared: one field with a list, or a list of fields with one each.'),
    preferred: z
      .union([nameGiven, voteSchema])
      .optional()
      .describe(
        'The vote on two responses: a field with 1, 2, or 0 for a tie, or an object that says what its values mean.',
      ),
    scores: several
      .optional()
      .describe(
        'A score for each response, in the same form as `responses`: the higher one is preferred, equal ones are a tie.',
      ),
    chosen: nameGiven.optional().describe('The better response of two.'),
    rejected: nameGiven.optional().describe('The worse response of two.'),
  })
  .describe(
    'Names of the fields in your own rows, as ours → yours, e.g. {"prompt": "question", "reference": "answer"}. ' +
      'A name may lead into objects and lists: "question.text", "completions[].score". ' +
      'Fields that are not listed are not read. Default: our names.',
  )
export type FieldNames = z.infer<typeof fieldNamesSchema>

/** What the values of a vote mean. */
export const asVote = (preferred: NonNullable<FieldNames['preferred']>): Vote =>
  typeof preferred === 'string' ? { field: preferred, first: [1], second: [2], tie: [0] } : preferred
