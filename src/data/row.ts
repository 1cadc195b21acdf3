// One prompt as every stage sees it, whatever file it came from.
import { z } from 'zod'

export const messageSchema = z.object({ role: z.enum(['system', 'user', 'assistant']), content: z.string() })
export type Message = z.infer<typeof messageSchema>

/** Two responses that people compared; `preferred` is 0 for a tie. */
const humanPairSchema = z.object({
  responses: z.tuple([z.string(), z.string()]),
  preferred: z.union([z.literal(1), z.literal(2), z.literal(0)]),
})
export type HumanPair = z.infer<typeof humanPairSchema>

export const rowSchema = z.object({
  id: z.string(),
  /** What the policy is prompted with. */
  messages: z.array(messageSchema).min(1),
  /** What labelers see as the text or the conversation. */
  context: z.string(),
  /** A response to learn from in SFT. */
  reference: z.string().optional(),
  /** Responses that people compared, two at a time. */
  pairs: z.array(humanPairSchema).optional(),
})
export type Row = z.infer<typeof rowSchema>

/** A pair of which people preferred one. */
export interface DecidedPair extends Pick<Row, 'id' | 'messages' | 'context'> {
  responses: [string, string]
  preferred: 1 | 2
}

/** The pairs of all rows that are no ties, each with an id of its own: one of every row, then the second ones, so that the first n are of as many prompts as can be. */
export function decidedPairs(rows: readonly Row[]): DecidedPair[] {
  const most = Math.max(0, ...rows.map(({ pairs = [] }) => pairs.length))
  return Array.from({ length: most }, (_, i) => i).flatMap((i) =>
    rows.flatMap(({ id, messages, context, pairs = [] }) => {
      const pair = pairs[i]
      return pair && pair.preferred !== 0
        ? [
            {
              id: i === 0 ? id : `${id}#${i + 1}`,
              messages,
              context,
              responses: pair.responses,
              preferred: pair.preferred,
            },
          ]
        : []
    }),
  )
}

const speakers = { system: 'System', user: 'Human', assistant: 'Assistant' }

/** A conversation as labelers read it (paper, Table 22). */
export function renderConversation(messages: readonly Message[]): string {
  return messages.map(({ role, content }) => `${speakers[role]}: ${content}`).join('\n')
}

const turn = /\n\n(Human|Assistant): ?/g

/** Splits "\n\nHuman: … \n\nAssistant: …" into turns; undefined when it does not begin with a person or is empty. */
export function parseTranscript(text: string): Message[] | undefined {
  const marks = [...`\n\n${text.trimStart()}`.matchAll(turn)]
  const whole = `\n\n${text.trimStart()}`
  if (marks[0]?.index !== 0 || marks[0][1] !== 'Human') return undefined
  return marks.map((mark, i) => ({
    role: mark[1] === 'Human' ? ('user' as const) : ('assistant' as const),
    content: whole.slice(mark.index + mark[0].length, marks[i + 1]?.index).trim(),
  }))
}
