// Parsing an input by its schema, or refusing it with one message that lists every bad field.
import type { z } from 'zod'

/** The input is wrong; a retry cannot help. */
export class InvalidInput extends Error {
  override name = 'InvalidInput'
}

function valueAt(input: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>(
    (value, key) =>
      typeof value === 'object' && value !== null ? (value as Record<PropertyKey, unknown>)[key] : undefined,
    input,
  )
}

function show(value: unknown): string {
  const text = value === undefined ? 'nothing' : JSON.stringify(value)
  return text.length > 120 ? `${text.slice(0, 120)}…` : text
}

type Issue = z.core.$ZodIssue

/** The alternative of a union that came closest: the one with the deepest or fewest issues. */
function closest(alternatives: readonly (readonly Issue[])[]): readonly Issue[] {
  const depth = (issues: readonly Issue[]) => Math.max(0, ...issues.map((issue) => issue.path.length))
  return [...alternatives].sort((a, b) => depth(b) - depth(a) || a.length - b.length)[0] ?? []
}

function describe(issue: Issue, input: unknown, base: readonly PropertyKey[] = []): string[] {
  const path = [...base, ...issue.path]
  if (issue.code === 'unrecognized_keys')
    return issue.keys.map(
      (key) =>
        `unknown field "${[...path, key].join('.')}" (got ${show(valueAt(input, [...path, key]))}); ` +
        'remove it or correct its name',
    )
  if (issue.code === 'invalid_union') {
    const inner = closest(issue.errors)
    const isObject = typeof valueAt(input, path) === 'object' && valueAt(input, path) !== null
    if (isObject && inner.length > 0) return inner.flatMap((nested) => describe(nested, input, path))
  }
  const where = path.length > 0 ? `field "${path.join('.')}"` : 'the input'
  return [`${where} got ${show(valueAt(input, path))}: ${issue.message}`]
}

/**
 * @param what names the workflow, stage or file in the message
 * @throws InvalidInput with one line for every bad field: what it got and what was expected
 */
export function parse<T extends z.ZodType>(schema: T, input: unknown, what: string): z.output<T> {
  const result = schema.safeParse(input)
  if (result.success) return result.data
  const lines = result.error.issues.flatMap((issue) => describe(issue, input))
  throw new InvalidInput(
    `${what}: ${lines.length === 1 ? lines[0]! : `\n${lines.map((line) => `  - ${line}`).join('\n')}`}`,
  )
}
