// Overlaying what a person gave on a preset, or on what several inputs share: field by field, at every depth.
import { techniqueFields, withoutPairFields } from './labeler-settings'

type Fields = Record<string, unknown>

export function isRecord(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** `above` wins, field by field at every depth. Lists and single values are replaced as a whole. */
export function overlay(below: Fields, above: Fields): Fields {
  const given = Object.entries(above).filter(([, value]) => value !== undefined)
  const overlaid = given.map(([name, value]) => [name, overlayField(name, below[name], value)] as const)
  return { ...below, ...Object.fromEntries(overlaid) }
}

/** The value of the field `name` when `given` is put on `below`; either may be in its short form. */
export function overlayField(name: string, below: unknown, given: unknown): unknown {
  const [low, high] = [longForm(name, below), longForm(name, given)]
  if (!isRecord(low) || !isRecord(high)) return given
  return overlay(isLabeler(name) ? labelerBelow(low, high, given) : low, high)
}

/** Fields that may be given as a text, and the field that the text stands for. */
const SHORT_FORMS: Record<string, string> = { labeler: 'model', judge: 'model', data: 'path' }

/** A field as an object, where it was given in short: "policy" for {"model": "policy"}. */
export const longForm = (name: string, given: unknown): unknown =>
  typeof given === 'string' && Object.hasOwn(SHORT_FORMS, name) ? { [SHORT_FORMS[name]!]: given } : given

export const isLabeler = (name: string) => name === 'labeler' || name === 'judge'

/** What stays of a labeler below `high`: a labeler of another kind takes over how it is asked, not who it is. */
const labelerBelow = (low: Fields, high: Fields, given: unknown): Fields =>
  withoutPairFields(isOtherKind(low, given) ? techniqueOf(low) : low, high)

/**
 * Whether an endpoint is replaced by a local model, which a text always names, or a local model by an endpoint. A model
 * alone, as {"model": …}, is another model of the same endpoint.
 */
function isOtherKind(below: Fields, given: unknown): boolean {
  const isEndpoint = 'baseUrl' in below
  return isRecord(given) ? 'baseUrl' in given && !isEndpoint : isEndpoint
}

/** What a labeler of another kind takes over: how it is asked, without who it is. */
const TAKEN_OVER = new Set([...Object.keys(techniqueFields), 'answers'])
const techniqueOf = (labeler: Fields): Fields =>
  Object.fromEntries(Object.entries(labeler).filter(([name]) => TAKEN_OVER.has(name)))
