// Overlaying what a person gave on a preset, or on what several inputs share: field by field, at every depth.
import { techniqueFields, withoutPairFields } from './technique-settings'

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
  if (!isLabeler(name)) return overlay(low, high)
  return isJury(low) || isJury(high) ? overlayJury(low, high) : overlay(labelerBelow(low, high, given), high)
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

const isJury = (labeler: Fields): labeler is Fields & { jury: unknown[] } => Array.isArray(labeler.jury)
const OF_JURIES = new Set(['jury', 'combine', 'quorum'])
/** Whether fields of a labeler say who it is. */
const namesLabeler = (given: Fields): boolean => 'model' in given || 'baseUrl' in given

/**
 * A jury as the labeler, above or below. A list of members replaces what was there; its members take over how a single
 * labeler was asked. Other fields above a jury are of each of its members.
 */
function overlayJury(low: Fields, high: Fields): Fields {
  if (isJury(high)) {
    const members = isJury(low) ? high.jury : high.jury.map((member) => overlayMember(techniqueOf(low), member))
    return { ...(isJury(low) && low), ...high, jury: members }
  }
  if (namesLabeler(high)) return high
  const [ofJury, ofMembers] = [true, false].map((wanted) =>
    Object.fromEntries(Object.entries(high).filter(([field]) => OF_JURIES.has(field) === wanted)),
  )
  return { ...low, ...ofJury, jury: (low.jury as unknown[]).map((member) => overlayMember(member, ofMembers)) }
}

function overlayMember(below: unknown, given: unknown): unknown {
  const [low, high] = [longForm('labeler', below), longForm('labeler', given)]
  return isRecord(low) && isRecord(high) ? overlay(withoutPairFields(low, high), high) : given
}
