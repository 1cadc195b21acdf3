// One prompt as all stages see it, whatever file it came from.
import { z } from 'zod'
import { largest } from '../extremes'

export const messageSchema = z.object({ role: z.enum(['system', 'user', 'assistant']), content: z.string() })
export type Message = z.infer<typeof messageSchema>

/** Two responses that people compared. `preferred` is 1 or 2, or 0 for a tie. */
const humanPairSchema = z.object({
  responses: z.tuple([z.string(), z.string()]),
  preferred: z.union([z.literal(1), z.literal(2), z.literal(0)]),
})
export type HumanPair = z.infer<typeof humanPairSchema>

export const rowSchema = z.object({
  id: z.string(),
  /** What the policy is prompted with. */
  messages: z.array(messageSchema).min(1),
  /** What labelers are shown as the text or conversation. */
  context: z.string(),
  /** Target response for SFT. */
  reference: z.string().optional(),
  /** Pairs of responses that people compared. */
  pairs: z.array(humanPairSchema).optional(),
})
export type Row = z.infer<typeof rowSchema>

/** A row before rows with the same prompt are merged. */
export type Draft = Omit<Row, 'id'> & { id?: string | undefined }

/** A pair of which people preferred one response. */
export interface DecidedPair extends Pick<Row, 'id' | 'messages' | 'context'> {
  responses: [string, string]
  preferred: 1 | 2
}

/**
 * The pairs of all rows that are not ties, each with an id of its own. The first pair of every row comes first, then
 * the second ones and so on, so that the first n pairs cover as many prompts as possible.
 */
export function decidedPairs(rows: readonly Row[]): DecidedPair[] {
  const mostPairs = largest(
    rows.map(({ pairs = [] }) => pairs.length),
    0,
  )
  return Array.from({ length: mostPairs }, (_, i) => i).flatMap((i) =>
    rows.flatMap((row) => {
      const pair = row.pairs?.[i]
      if (!pair || pair.preferred === 0) return []
      const id = i === 0 ? row.id : `${row.id}#${i + 1}`
      const { responses, preferred } = pair
      return [{ id, messages: row.messages, context: row.context, responses, preferred }]
    }),
  )
}

const speakers = { system: 'System', user: 'Human', assistant: 'Assistant' }

/** A conversation as labelers read it (paper, Table 22). */
export function renderConversation(messages: readonly Message[]): string {
  return messages.map(({ role, content }) => `${speakers[role]}: ${content}`).join('\n')
}

/** Lines may end as on Windows. */
const turn = /\r?\n\r?\n(Human|Assistant): ?/g

/** Splits "\n\nHuman: … \n\nAssistant: …" into turns; undefined if it is empty or does not start with a human turn. */
export function parseTranscript(text: string): Message[] | undefined {
  const transcript = `\n\n${text.trimStart()}`
  const marks = [...transcript.matchAll(turn)]
  if (marks[0]?.index !== 0 || marks[0][1] !== 'Human') return undefined
  return marks.map((mark, i) => ({
    role: mark[1] === 'Human' ? ('user' as const) : ('assistant' as const),
    content: transcript.slice(mark.index + mark[0].length, marks[i + 1]?.index).trim(),
  }))
}
