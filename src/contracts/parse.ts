// Parsing an input by its schema, or refusing it with one message that lists every bad field.
import type { z } from 'zod'
import { unreadable } from './readable'

/** The input is wrong; a retry cannot help. */
export class InvalidInput extends Error {
  override name = 'InvalidInput'
}

/** Whether a message shows what a field got: an input's sender knows it, the content of a worker's file is nobody's. */
type Quoting = 'values' | 'types'

const MOST_LINES = 20
const MOST_CHARACTERS = 120
/** Names of fields that hold a secret, or the name of one: by mistake, the secret itself. */
const SECRET = /key|token|secret|password|credential|authorization|headers|env$/i
const ROTATE = 'not shown: it may be a secret. If it was, replace it: the input as it was sent is in the history'

function valueAt(input: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>(
    (value, key) =>
      typeof value === 'object' && value !== null ? (value as Record<PropertyKey, unknown>)[key] : undefined,
    input,
  )
}

const cut = (text: string) => (text.length > MOST_CHARACTERS ? `${text.slice(0, MOST_CHARACTERS)}…` : text)

const typeName = (value: unknown): string =>
  value === null
    ? 'null'
    : Array.isArray(value)
      ? 'an array'
      : `${typeof value === 'object' ? 'an' : 'a'} ${typeof value}`

function show(value: unknown, path: readonly PropertyKey[], quoting: Quoting): string {
  if (value === undefined) return 'nothing'
  const isSecret = path.some((key) => typeof key === 'string' && SECRET.test(key.slice(-200)))
  if (isSecret && typeof value === 'string') return quoting === 'types' ? typeName(value) : `a text (${ROTATE})`
  return isSecret || quoting === 'types' ? typeName(value) : cut(JSON.stringify(glimpse(value)))
}

/** An address without who its user is, and without the values in its query. */
function withoutCredentials(text: string): string {
  if (!/^\w+:\/\//.test(text)) return text
  const [start, at] = [text.indexOf('//') + 2, text.lastIndexOf('@')]
  return (at < start ? text : `${text.slice(0, start)}***${text.slice(at)}`).replace(/=[^&#]+/g, '=***')
}

/** As much of a value as a message shows, without secrets. */
function glimpse(value: unknown, levels = 5): unknown {
  if (typeof value === 'string') return withoutCredentials(value).slice(0, MOST_CHARACTERS)
  if (typeof value !== 'object' || value === null) return value
  if (levels === 0) return '…'
  if (Array.isArray(value)) return value.slice(0, MOST_LINES).map((item) => glimpse(item, levels - 1))
  const shown: [string, unknown][] = []
  for (const [key, item] of Object.entries(value).slice(0, MOST_LINES))
    shown.push([
      cut(key),
      SECRET.test(key.slice(-200)) && typeof item === 'string' ? '(not shown)' : glimpse(item, levels - 1),
    ])
  return Object.fromEntries(shown)
}

const named = (path: readonly PropertyKey[]) =>
  cut(path.map((key) => String(key).slice(0, MOST_CHARACTERS + 1)).join('.'))

type Issue = z.core.$ZodIssue

/** Of an issue that says that another alternative of a union is meant: the whole alternative then is none of the message. */
export const OTHER_KIND = 'otherKind'
const isOtherKind = (issue: Issue) => issue.code === 'custom' && issue.params?.[OTHER_KIND] === true

/** The alternative of a union that came closest: the one with the deepest or fewest issues. */
function closest(all: readonly (readonly Issue[])[]): readonly Issue[] {
  const alternatives = all.filter((issues) => !issues.some(isOtherKind))
  const depth = (issues: readonly Issue[]) => issues.reduce((most, { path }) => Math.max(most, path.length), 0)
  return [...alternatives].sort((a, b) => depth(b) - depth(a) || a.length - b.length)[0] ?? []
}

interface Described {
  input: unknown
  quoting: Quoting
}

/** A bad field: where it is, and what is said of it. */
export interface Fault {
  path: readonly PropertyKey[]
  text: string
}

function describe(issue: Issue, described: Described, base: readonly PropertyKey[] = []): Fault[] {
  const path = [...base, ...issue.path]
  const got = (at: readonly PropertyKey[]) => show(valueAt(described.input, at), at, described.quoting)
  if (issue.code === 'unrecognized_keys')
    return issue.keys.slice(0, MOST_LINES + 1).map((key) => {
      const at = [...path, key]
      return { path: at, text: `unknown field "${named(at)}" (got ${got(at)}); remove it or correct its name` }
    })
  if (issue.code === 'invalid_union') {
    const inner = closest(issue.errors)
    const value = valueAt(described.input, path)
    if (typeof value === 'object' && value !== null && inner.length > 0)
      return inner.slice(0, MOST_LINES + 1).flatMap((nested) => describe(nested, described, path))
  }
  const where = path.length > 0 ? `field "${named(path)}"` : 'the input'
  return [{ path, text: `${where} got ${got(path)}: ${wanted(issue)}` }]
}

/** What a field wants; of a union without a message of its own, what each of its alternatives wants. */
function wanted(issue: Issue): string {
  if (issue.code !== 'invalid_union' || issue.message !== 'Invalid input') return issue.message
  const each = issue.errors.flatMap(([first]) => (first ? [wanted(first)] : []))
  const plain = each.map((text) => text.replace(/^[A-Z][a-z]+ [a-z]+: (?=expected )/, '').split(', received ')[0]!)
  const named = plain.map((text) => text.replace(/^expected (object|array)$/, 'expected an $1'))
  return [...new Set(named)].join(', or ').replaceAll(', or expected ', ', or ') || issue.message
}

/**
 * @param what names the workflow, stage or file in the message
 * @param quoting 'types' for what was read from a file: the message then quotes no value
 * @throws InvalidInput with a line for each of the first bad fields: what it got and what was expected
 */
export function parse<T extends z.ZodType>(
  schema: T,
  input: unknown,
  what: string,
  quoting: Quoting = 'values',
): z.output<T> {
  const fault = quoting === 'values' ? unreadable(input) : undefined
  if (fault !== undefined) throw new InvalidInput(`${what}: ${fault}`)
  const result = schema.safeParse(input)
  if (result.success) return result.data
  const lines = faultsIn(result.error, { input, quoting }).map(({ text }) => text)
  const shown = lines.length > MOST_LINES ? [...lines.slice(0, MOST_LINES), 'and more'] : lines
  throw new InvalidInput(
    `${what}: ${shown.length === 1 ? shown[0]! : `\n${shown.map((line) => `  - ${line}`).join('\n')}`}`,
  )
}

const faultsIn = ({ issues }: z.ZodError, described: Described): Fault[] =>
  issues.slice(0, MOST_LINES + 1).flatMap((issue) => describe(issue, described))

/** What `parse` would refuse, field by field, in the same words; none for a good input. */
export function faultsOf(schema: z.ZodType, input: unknown): Fault[] {
  const fault = unreadable(input)
  if (fault !== undefined) return [{ path: [], text: fault }]
  const result = schema.safeParse(input)
  return result.success ? [] : faultsIn(result.error, { input, quoting: 'values' })
}
