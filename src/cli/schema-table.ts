// How a JSON Schema's fields are written in the tables of the documents.
import type { JsonSchema } from '../contracts/json-schema'

/** Numbers up to this have no bound worth showing. */
const UNBOUNDED = Number.MAX_SAFE_INTEGER

/** The schemas that a field may follow instead. */
export const alternativesOf = ({ anyOf, oneOf, allOf }: JsonSchema) => (anyOf ?? oneOf ?? allOf ?? []) as JsonSchema[]
/** The schema of a list's entries. */
export const itemOf = ({ items }: JsonSchema) => items as JsonSchema | undefined

export const escapeCell = (text: string) => text.replace(/\|/g, '\\|').replace(/\n/g, ' ')
export const code = (value: unknown) => `\`${JSON.stringify(value)}\``

/** The values that a field takes. @param group what to write for a group of settings */
export function valuesOf(field: JsonSchema, group = 'object'): string {
  if (field.enum) return (field.enum as unknown[]).map(code).join(', ')
  if ('const' in field) return code(field.const)
  if (field.properties) return group
  const alternatives = alternativesOf(field)
  if (alternatives.length > 0) return [...new Set(alternatives.map((one) => valuesOf(one, group)))].join(' or ')
  if (field.type === 'array') return itemOf(field) ? `list of ${valuesOf(itemOf(field)!, group)}` : 'list'
  if (field.type === 'boolean') return '`true`, `false`'
  if (field.type === 'integer' || field.type === 'number') return `${field.type}${bounds(field)}`
  if (field.type === 'string') return field.format === 'uri' ? 'URL' : 'text'
  return field.type === 'object' ? 'object' : 'any'
}

function bounds({ type, minimum, exclusiveMinimum, maximum }: JsonSchema): string {
  const above = exclusiveMinimum as number | undefined
  const isWhole = type === 'integer' && above !== undefined
  const least = (isWhole ? above + 1 : minimum) as number | undefined
  const most = (maximum as number | undefined) === UNBOUNDED ? undefined : (maximum as number | undefined)
  if (least !== undefined && most !== undefined) return ` ${least}–${most}`
  if (least !== undefined) return ` ≥ ${least}`
  const open = above === undefined ? '' : ` > ${above}`
  return most === undefined ? open : `${open}${open && ','} ≤ ${most}`
}
