// A row that cannot be used, as real files contain some: counted by its reason, never the end of a run.
import type { z } from 'zod'
import { counted } from '../number-format'

/** Thrown while a row is read. `message` is the reason: one of few, without anything that the row holds. */
export class Unusable extends Error {
  override name = 'Unusable'
}

/** A row as a schema has it. @throws Unusable with the first field that does not fit */
export function fitting<T extends z.ZodType>(schema: T, raw: unknown): z.output<T> {
  const result = schema.safeParse(raw)
  if (result.success) return result.data
  const path = result.error.issues[0]!.path.map((key) => (typeof key === 'number' ? '[]' : `.${String(key)}`))
  throw new Unusable(`field "${path.join('').replace(/^\./, '')}" is missing, or is not what this format has there`)
}

/** Reasons that are counted apart from each other; those of a template may quote the row. */
const MOST_REASONS = 50
const OTHER_REASON = 'another reason'

/** Characters of a row that are shown. */
const MOST_SHOWN = 600

/** The first row that was left out for a reason. */
export interface LeftOutRow {
  /** Line or number in the file. */
  where: string
  /** Its JSON, or the line that is none, cut after some hundred characters. */
  row: string
  /** What it has, without what that holds: for messages that leave the worker. */
  outline: string
}

/** Rows that were left out, counted by reason. */
export class LeftOut {
  readonly counts: Record<string, number> = {}
  readonly examples: Record<string, LeftOutRow> = {}

  add(reason: string, where: string, row: unknown, rows = 1): void {
    const isNew = !Object.hasOwn(this.counts, reason)
    const counted = isNew && Object.keys(this.counts).length >= MOST_REASONS ? OTHER_REASON : reason
    this.counts[counted] = (this.counts[counted] ?? 0) + rows
    this.examples[counted] ??= { where, row: shown(row), outline: outlineOf(row) }
  }

  /** A line for each reason, the most frequent first: where the first row is, what it has, and how many there are. */
  lines(path: string): string {
    return Object.entries(this.counts)
      .sort(([, a], [, b]) => b - a)
      .map(([reason, rows]) => {
        const { where, outline } = this.examples[reason]!
        return `\n  - ${path} ${where}: ${reason}: ${outline}${rows === 1 ? '' : `; ${rows} rows like this`}`
      })
      .join('')
  }
}

function shown(row: unknown): string {
  const text = typeof row === 'string' ? row : (JSON.stringify(row) ?? 'nothing')
  return text.length > MOST_SHOWN ? `${text.slice(0, MOST_SHOWN)}…` : text
}

const MOST_FIELDS = 8
const MOST_NAME = 40

function outlineOf(row: unknown): string {
  if (typeof row !== 'object' || row === null || Array.isArray(row)) return kindOf(row)
  const fields = Object.entries(row)
  const named = fields.slice(0, MOST_FIELDS).map(([name, value]) => `${name.slice(0, MOST_NAME)}: ${kindOf(value)}`)
  return `{${[...named, ...(fields.length > MOST_FIELDS ? ['…'] : [])].join(', ')}}`
}

function kindOf(value: unknown): string {
  if (typeof value === 'string') return `a text of ${counted(value.length, 'character')}`
  if (Array.isArray(value)) return `a list of ${value.length}`
  if (value === null || value === undefined) return 'null'
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`
}
