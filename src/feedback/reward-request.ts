// Requests of external trainers, as each sends them: OpenRLHF's {"query", "prompts", "labels"}, what a reward function of
// TRL gets, {"prompts", "completions"}, as texts or as turns, and slime's single {"prompt", "response", "label"}.
import { z } from 'zod'
import { InvalidInput, parse } from '../contracts/parse'
import { renderConversation, type Message } from '../data/row'
import type { Task } from '../data/task'
import { turnsIn, type Turns } from '../data/turns'
import { Unusable } from '../data/unusable'
import type { SpecialTokens } from './special-tokens'

const MOST_RESPONSES = 8192

const listOf = <T extends z.ZodType>(item: T) =>
  z.preprocess((given) => (typeof given === 'string' ? [given] : given), z.array(item).min(1).max(MOST_RESPONSES))
const text = z.string()
const turns = z.array(z.looseObject({}), 'expected a text, or a list of turns').min(1)
const textOrTurns = z.union([text, turns])

const listsSchema = z
  .object({
    prompts: listOf(textOrTurns),
    completions: listOf(textOrTurns).optional(),
    query: listOf(text).optional().describe('Prompt and response in one text.'),
    labels: z.preprocess((given) => (typeof given === 'string' ? [given] : given), z.array(z.unknown()).nullish()),
  })
  .refine(({ completions, query }) => completions !== undefined || query !== undefined, {
    path: ['query'],
    message: 'requires "query" (prompt and response in one text) or "completions"',
  })
  .refine(
    ({ prompts, completions, query, labels }) =>
      [completions, query, labels].every((list) => !list || list.length === prompts.length),
    { path: ['prompts'], message: 'must have the same length as the other lists' },
  )
const oneSchema = z.object({ prompt: textOrTurns, response: textOrTurns, label: z.unknown() })

/** One response to score. */
export interface Sample {
  /** What the labeler is shown as the post or conversation. */
  context: string
  response: string
  label: unknown
}

export interface RewardRequest {
  samples: Sample[]
  /** It asked for one response, and expects a bare number. */
  isOne: boolean
}

/** @throws InvalidInput naming what is wrong */
export function readRequest(body: unknown, task: Task, special: SpecialTokens): RewardRequest {
  const isOne = typeof body === 'object' && body !== null && 'prompt' in body && 'response' in body
  if (isOne) {
    const { prompt, response, label } = parse(oneSchema, body, 'serve-reward')
    const given = { prompt: readTurns(prompt, 'prompt'), response: readTurns(response, 'response') }
    return { samples: [sampleOf(given, label, task, special)], isOne }
  }
  const { prompts, completions, query, labels } = parse(listsSchema, body, 'serve-reward')
  const samples = prompts.map((given, i) => {
    const prompt = readTurns(given, `prompts.${i}`)
    const response = completions
      ? readTurns(completions[i], `completions.${i}`)
      : responseIn(query![i]!, prompt, special, i)
    return sampleOf({ prompt, response }, labels?.[i], task, special)
  })
  return { samples, isOne }
}

function readTurns(given: unknown, field: string): Turns {
  try {
    return turnsIn(given, field)
  } catch (error) {
    if (error instanceof Unusable)
      throw new InvalidInput(`serve-reward: field "${field}": ${error.message}`, { cause: error })
    throw error
  }
}

/** What follows the prompt, whatever special tokens one of them was decoded with. */
function responseIn(query: string, prompt: Turns, { after }: SpecialTokens, i: number): string {
  const response = typeof prompt === 'string' ? after(query, prompt) : undefined
  if (response === undefined)
    throw new InvalidInput(
      `serve-reward: field "query.${i}" does not start with its prompt, apart from special tokens; ` +
        '--special-tokens names others than the common ones',
    )
  return response
}

/** The last turn is what is scored; those before it belong to the conversation. */
function sampleOf(
  { prompt, response }: { prompt: Turns; response: Turns },
  label: unknown,
  task: Task,
  { strip }: SpecialTokens,
): Sample {
  const said = typeof response === 'string' ? [] : response.slice(0, -1)
  const last = typeof response === 'string' ? response : response.at(-1)!.content
  const context =
    typeof prompt === 'string' && said.length === 0
      ? strip(prompt)
      : contextOf([...asMessages(prompt, strip), ...said], task)
  return { context, response: strip(last), label }
}

const asMessages = (prompt: Turns, strip: (text: string) => string): Message[] =>
  typeof prompt === 'string' ? [{ role: 'user', content: strip(prompt) }] : prompt

/** As in a run: the text of a task with an instruction, else the conversation as labelers read it. */
function contextOf(messages: readonly Message[], { instruction }: Task): string {
  const [first] = messages
  return instruction !== undefined && messages.length === 1 && first!.role === 'user'
    ? first!.content
    : renderConversation(messages)
}
