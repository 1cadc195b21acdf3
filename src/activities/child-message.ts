// What a child process tells its worker, and how the worker reads it: whatever else it sends fails its own stage and
// nothing more.
import { z } from 'zod'
import { summarySchema } from '../contracts/artifact'
import { spendingSchema, type StageName } from '../contracts/stages'
import { progressSchema } from '../contracts/status'

/** What a child is told before it is asked to end, if its work is not wanted any more. */
export const CANCELLED = 'cancelled'

/** A summary is part of the workflow's history: a few figures, not a file. In characters of its JSON. */
const MAX_SUMMARY = 64 * 1024
/** Longer messages of errors are cut; a message is for people and part of the history. */
const MAX_MESSAGE = 10_000
const MAX_PHASE = 500
const MAX_METRICS = 200

const shortened = z.string().transform((text) => (text.length > MAX_MESSAGE ? `${text.slice(0, MAX_MESSAGE)}…` : text))

/** What this run has paid for the stage so far, if the stage asks an endpoint. */
const spent = spendingSchema.optional()

const messageSchema = z.discriminatedUnion('type', [
  z.object({
    type: z.literal('progress'),
    progress: progressSchema
      .refine(
        ({ phase, unit, within = '' }) => phase.length + unit.length + within.length <= MAX_PHASE,
        `longer than ${MAX_PHASE} characters`,
      )
      .refine(
        ({ warnings = [] }) => warnings.join('').length <= MAX_MESSAGE,
        `more than ${MAX_MESSAGE} characters of warnings`,
      )
      .refine(({ metrics = {} }) => Object.keys(metrics).length <= MAX_METRICS, `more than ${MAX_METRICS} metrics`),
    spent,
  }),
  z.object({
    type: z.literal('done'),
    summary: summarySchema.refine(
      (summary) => JSON.stringify(summary).length <= MAX_SUMMARY,
      `longer than ${MAX_SUMMARY} characters: the rest belongs into a file`,
    ),
    spent,
  }),
  z.object({ type: z.literal('failed'), name: shortened, message: shortened, stack: shortened, spent }),
])
export type ChildMessage = z.infer<typeof messageSchema>

/** A stage returned what no stage may return. Another attempt would return the same. */
export class Defect extends Error {
  override name = 'Defect'
}

/** @throws Defect that names the stage, what was sent and why it cannot be used */
export function parseMessage(stage: StageName, raw: unknown): ChildMessage {
  const parsed = messageSchema.safeParse(raw)
  if (parsed.success) return parsed.data
  const { path, message } = parsed.error.issues[0]!
  throw new Defect(
    `stage ${stage}: ${complaint(raw, path, message)}; ` +
      'this is a defect of rlaif, please report it. Other stages of this worker continue',
  )
}

function complaint(raw: unknown, path: readonly PropertyKey[], reason: string): string {
  const value = shown(path.reduce<unknown>((at, key) => (isObject(at) ? at[key] : undefined), raw))
  const [part, ...rest] = path.map(String)
  const name = rest.at(-1)
  if (part === 'summary' && name !== undefined) return `its figure "${name}" is ${value}`
  if (part === 'progress' && name !== undefined) return `"${name}" of its progress is ${value}`
  return `its child process sent a message that cannot be read: ${part ?? 'the message'} is ${value} (${reason})`
}

const isObject = (value: unknown): value is Record<PropertyKey, unknown> => typeof value === 'object' && value !== null

/** NaN and Infinity by their names, which JSON does not have. */
function shown(value: unknown): string {
  const text = typeof value === 'string' || isObject(value) ? JSON.stringify(value) : String(value)
  return text.length > 120 ? `${text.slice(0, 120)}…` : text
}
