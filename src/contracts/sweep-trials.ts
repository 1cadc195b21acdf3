// The trials of a sweep, each with its checked input: all are known, and bad ones refused, before anything runs.
import { permutation, uniform } from '../random'
import { brief } from './brief'
import { InvalidInput, parse } from './parse'
import { isLabeler, isRecord, longForm, overlay, overlayField } from './overlay'
import type { SweepInput, Swept } from './sweep'
import { armsOf } from './compare-input'
import { roundInput } from './rounds-input'
import { withoutPairFields } from './technique-settings'
import { workflowSchemas } from './workflow-inputs'
import { counted } from '../number-format'

export interface Trial {
  /** Number of the trial in the sweep, from 0. */
  trial: number
  /** Name of the value of each field that varies. */
  levels: Record<string, string>
  /** Index of the seed; together with the levels it identifies the trial from night to night. */
  repeat: number
  seed: number
  /** Checked input of the workflow. */
  input: Record<string, unknown>
}

type Point = { field: string; value: unknown; label: string }[]

/** A grid to draw from is numbered, not built; a larger one is taken for a typing error. */
const LARGEST_GRID = 1_000_000
const MAX_SEED = 2 ** 31

/** A group before a part of it is set, where the input has none: a labeler or judge must have a model. */
const MISSING_GROUPS: Record<string, Record<string, unknown>> = {
  labeler: { model: 'default' },
  judge: { model: 'default' },
}

/** A copy with one field set; missing groups on its path are created. A group as the value is overlaid on the field. */
function withField(input: Record<string, unknown>, path: readonly string[], value: unknown): Record<string, unknown> {
  const [name, ...rest] = path as [string, ...string[]]
  if (rest.length === 0) return { ...input, [name]: overlayField(name, input[name], value) }
  const inner = longForm(name, input[name])
  const group = isRecord(inner) ? inner : (MISSING_GROUPS[name] ?? {})
  if (isLabeler(name) && 'jury' in group) return { ...input, [name]: overlayField(name, group, nested(rest, value)) }
  const below = isLabeler(name) ? withoutPairFields(group, { [rest[0]!]: value }) : group
  return { ...input, [name]: withField(below, rest, value) }
}

const nested = (path: readonly string[], value: unknown): unknown =>
  path.reduceRight((inner, name) => ({ [name]: inner }), value)

/** How a labeler compares is set first: it removes fields that the input has, and none that the point itself sets. */
const inOrder = (point: Point): Point => {
  const isComparison = ({ field }: Point[number]) => Number(field.endsWith('.comparison'))
  return [...point].sort((a, b) => isComparison(b) - isComparison(a))
}

const labelOf = (value: unknown) => (typeof value === 'string' ? value : JSON.stringify(value)).slice(0, 60)

function pointsOf(sweep: SweepInput): Point[] {
  const { axes, list, maxTrials, seeds, draw } = sweep
  if (axes.length > 0 && list.length > 0)
    throw new InvalidInput('sweep: fields "axes" and "list" are both given; remove one of them')
  const size =
    list.length > 0
      ? list.length
      : axes.length === 0
        ? 0
        : axes.reduce((product, { values }) => product * values.length, 1)
  if (size === 0)
    throw new InvalidInput(
      'sweep: field "axes" is empty, and so is "list": nothing varies; name a study of the paper, e.g. ' +
        '{"preset": "kl-weight"}, or an axis, e.g. {"axes": [{"field": "rl.klWeight", "values": [0.05, 0.1]}]}',
    )
  if (draw !== undefined && list.length > 0)
    throw new InvalidInput('sweep: field "draw" draws from "axes"; every entry of "list" runs; remove "draw"')
  const points = Math.min(size, draw ?? Infinity)
  const trials = points * seeds.length
  if (trials > maxTrials)
    throw new InvalidInput(
      `sweep: field "maxTrials" is ${maxTrials}, but ${counted(points, 'point')} with ` +
        `${counted(seeds.length, 'seed')} are ${counted(trials, 'trial')}; raise it, or "draw" fewer`,
    )
  if (size > LARGEST_GRID)
    throw new InvalidInput(`sweep: field "axes" makes a grid of ${size} points; the maximum is ${LARGEST_GRID}`)
  return list.length > 0 ? list.map(listedPoint) : chosen(size, draw, seeds[0]!).map((i) => gridPoint(sweep, i))
}

const listedPoint = (fields: Record<string, unknown>): Point =>
  Object.entries(fields).map(([field, value]) => ({ field, value, label: labelOf(value) }))

const chosen = (size: number, draw: number | undefined, seed: number): number[] => {
  if (draw === undefined || draw >= size) return Array.from({ length: size }, (_, i) => i)
  return permutation(size, [seed, 'sweep'])
    .slice(0, draw)
    .sort((a, b) => a - b)
}

/** The i-th combination; the last axis varies fastest. */
function gridPoint({ axes }: SweepInput, i: number): Point {
  const point: Point = []
  for (const { field, values, labels } of [...axes].reverse()) {
    const at = i % values.length
    point.unshift({ field, value: values[at], label: labels?.[at] ?? labelOf(values[at]) })
    i = Math.floor(i / values.length)
  }
  return point
}

/** Fields of a trial that the sweep sets, by the field of the sweep. */
const SWEEP_FIELDS: Record<string, string> = { seed: 'seeds', seeds: 'seeds' }

function checkFields({ axes, list, base, budget }: SweepInput): void {
  const fields = axes.map(({ field }) => field)
  for (const [i, field] of fields.entries()) {
    if (fields.indexOf(field) < i) throw new InvalidInput(`sweep: field "axes" names "${field}" twice`)
    const labels = axes[i]!.labels ?? axes[i]!.values.map(labelOf)
    const twice = labels.find((label, at) => labels.indexOf(label) < at)
    if (twice !== undefined) throw new InvalidInput(`sweep: field "axes.${i}.values" has ${twice} twice`)
  }
  for (const field of [...fields, ...list.flatMap(Object.keys), ...Object.keys(base)]) {
    if (SWEEP_FIELDS[field])
      throw new InvalidInput(`sweep: field "${field}" is set by "${SWEEP_FIELDS[field]}" of the sweep itself`)
  }
  if (budget.cost !== undefined && !JSON.stringify([base, axes, list]).includes('"price"'))
    throw new InvalidInput(
      'sweep: field "budget.cost" cannot be kept: no labeler or judge of the sweep has a "price"; add one',
    )
}

/** The seed of a repeat; every night has its own. */
const seedOf = (given: number, night: string | undefined): number =>
  night === undefined ? given : Math.floor(MAX_SEED * uniform([given, 'night', night]))

/** The input with its seed; some workflows take several themselves. */
const seeded = (workflow: Swept, input: Record<string, unknown>, seed: number) =>
  workflow === 'compare' || workflow === 'miniature' ? { ...input, seeds: [seed] } : { ...input, seed }

/**
 * Every trial, in order: all points with the first seed, then with the next.
 * @param night time that a scheduled sweep was scheduled for
 * @throws InvalidInput naming the field whose value is bad, or which limit is exceeded
 */
export function trialsOf(sweep: SweepInput, night?: string, checked?: 'checked before'): Trial[] {
  if (!checked) checkFields(sweep)
  const { workflow, base, seeds, onFailure, cache, queues, notify, track } = sweep
  const points = pointsOf(sweep)
  const shared = overlay({ onFailure, cache, queues, ...(notify && { notify }), ...(track && { track }) }, base)
  const inputs = points.map((point) => {
    const input = inOrder(point).reduce(
      (fields, { field, value }) => withField(fields, field.split('.'), value),
      shared,
    )
    if (!checked) check(workflow, seeded(workflow, input, seeds[0]!), point)
    return { input, levels: Object.fromEntries(point.map(({ field, label }) => [field, label])) }
  })
  return seeds.flatMap((given, repeat) =>
    inputs.map(({ input, levels }, i): Trial => {
      const seed = seedOf(given, night)
      return { trial: repeat * points.length + i, levels, repeat, seed, input: seeded(workflow, input, seed) }
    }),
  )
}

/** @throws InvalidInput naming the trial's levels and each bad field */
function check(workflow: Swept, input: Record<string, unknown>, point: Point): void {
  const where = `sweep: ${brief(point.map(({ field, label }) => `${field} = ${label}`).join(', '))}`
  const parsed = parse(workflowSchemas[workflow], input, where)
  if (workflow === 'compare') armsOf(parsed as never)
  if (workflow === 'rounds') roundInput(parsed as never)
}
