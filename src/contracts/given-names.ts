// What an input names outside of itself: tasks, data, models, annotators of the miniature world, artifacts. The command
// makes paths among them absolute; the command and the run's first activity look whether they are there.
import { usesLabeler } from './align-input'
import { isArtifactUri } from './artifact'
import { armsOf } from './compare-input'
import { membersOf, WORLD, type LabelerSettings, type MemberSettings } from './labeler-settings'
import { isLabeler, isRecord, longForm, overlay, overlayField } from './overlay'
import { parse } from './parse'
import { roundInput } from './rounds-input'
import type { SweepInput } from './sweep'
import { sweepPresets, type SweepPreset } from './sweep-presets'
import { trialsOf } from './sweep-trials'
import { workflowSchemas, type WorkflowName } from './workflow-inputs'

export type NameKind = 'task' | 'data' | 'model' | 'annotator' | 'artifact' | 'rubric' | 'principles'
/** @returns what stands in place of the name */
export type MapName = (kind: NameKind, name: string, field: string) => string

type Fields = Record<string, unknown>
/** What kind of name a field holds. The fields of labelers are found by who answers there. */
type Kinds = Readonly<Record<string, NameKind>>

const OF_DATASETS: Kinds = { task: 'task', data: 'data' }
const KINDS: Record<WorkflowName, Kinds> = {
  align: { ...OF_DATASETS, model: 'model' },
  sft: { ...OF_DATASETS, model: 'model' },
  sample: { ...OF_DATASETS, policy: 'model' },
  label: { ...OF_DATASETS, model: 'model', samples: 'artifact' },
  rewardModel: { policy: 'model', labels: 'artifact' },
  dpo: { policy: 'model', labels: 'artifact' },
  onlineDpo: { ...OF_DATASETS, policy: 'model' },
  rl: { ...OF_DATASETS, policy: 'model', rewardModel: 'artifact' },
  evaluate: { ...OF_DATASETS, baseline: 'model', policy: 'artifact' },
  report: { artifacts: 'artifact' },
  labelStudy: { ...OF_DATASETS, model: 'model' },
  compare: {},
  rounds: {},
  humanEvaluation: { contest: 'artifact' },
  miniature: {},
  sweep: { baseline: 'artifact' },
  notification: {},
}
/** Of the overrides of a parked stage, in the words of its input or of the run's. */
const OF_OVERRIDES: Kinds = { ...OF_DATASETS, spec: 'model', model: 'model', policy: 'model', baseline: 'model' }

/**
 * One input with the names in it mapped.
 * @param below what the fields are laid over: it says which labelers are endpoints
 */
function mapFields(kinds: Kinds, given: Fields, map: MapName, at = '', below: Fields = {}): Fields {
  const mapped = Object.entries(given).map(([field, value]): [string, unknown] => {
    const where = `${at}${field}`
    if (isLabeler(field)) return [field, mapLabeler(value, below[field], map, where)]
    if (field === 'revise' && isRecord(value) && value.labeler !== undefined) {
      const ofBelow = isRecord(below.revise) ? below.revise.labeler : { model: 'policy' }
      return [field, { ...value, labeler: mapLabeler(value.labeler, ofBelow, map, `${where}.labeler`) }]
    }
    if (isWatched(field, value))
      return [
        field,
        {
          ...value,
          watch: {
            ...value.watch,
            labeler: mapLabeler(value.watch.labeler, watcherIn(below[field]), map, `${where}.watch.labeler`),
          },
        },
      ]
    const kind = Object.hasOwn(kinds, field) ? kinds[field] : undefined
    return [field, kind ? mapValue(kind, value, map, kind === 'data' ? `${where}.path` : where) : value]
  })
  return Object.fromEntries(mapped)
}

/** Whether a group of settings names who watches its training. */
const isWatched = (field: string, value: unknown): value is { watch: { labeler: unknown } } =>
  (field === 'rl' || field === 'onlineDpo') && watcherIn(value) !== undefined
const watcherIn = (group: unknown): unknown =>
  isRecord(group) && isRecord(group.watch) ? group.watch.labeler : undefined

function mapValue(kind: NameKind, value: unknown, map: MapName, where: string): unknown {
  if (Array.isArray(value)) return value.map((entry: unknown) => mapValue(kind, entry, map, where))
  if (kind === 'data' && isRecord(value))
    return { ...value, ...(value.path !== undefined && { path: mapValue(kind, value.path, map, where) }) }
  if (typeof value !== 'string') return value
  return map(kind === 'model' && isArtifactUri(value) ? 'artifact' : kind, value, where)
}

/**
 * A labeler is a local model, by name or path, an annotator of the world, or an endpoint, whose model is its own affair.
 */
function mapLabeler(value: unknown, below: unknown, map: MapName, where: string): unknown {
  if (isRecord(value) && Array.isArray(value.jury))
    return { ...value, jury: value.jury.map((one, i) => mapLabeler(one, undefined, map, `${where}.jury.${i}`)) }
  const merged = overlayField('labeler', below, value)
  const long = longForm('labeler', merged)
  if (!isRecord(long) || 'jury' in long) return value
  const kind = !('baseUrl' in long) ? 'model' : long.baseUrl === WORLD ? 'annotator' : undefined
  if (!kind) return value
  const mapped = (name: string) => map(kind, name, `${where}.model`)
  if (typeof value === 'string') return mapped(value)
  return isRecord(value) && typeof value.model === 'string' ? { ...value, model: mapped(value.model) } : value
}

/** The input as a person gave it, with each name in it mapped. Whatever has another form than it should is left as it is. */
export function mapNames(workflow: WorkflowName, given: unknown, map: MapName): unknown {
  if (!isRecord(given)) return given
  if (workflow === 'compare' || workflow === 'rounds') return mapComparison(given, map)
  if (workflow === 'sweep') return mapSweep(given, map)
  return mapFields(KINDS[workflow], given, map)
}

/** The overrides of a parked stage with each name in them mapped. What is overridden is not known: a labeler's {"model"}
 * may be a name at its endpoint, so only a labeler given as a text is taken for a local model. */
export function mapOverrides(given: unknown, map: MapName): unknown {
  if (!isRecord(given)) return given
  const unknownLabeler = { baseUrl: 'unknown:' }
  const watched = { watch: { labeler: unknownLabeler } }
  const below = { labeler: unknownLabeler, judge: unknownLabeler, rl: watched, onlineDpo: watched }
  const mapped = mapFields(OF_OVERRIDES, given, map, '', below)
  for (const role of ['labeler', 'judge'])
    if (typeof given[role] === 'string') mapped[role] = map('model', given[role], role)
  return mapped
}

/** The same for rounds, which have no arms. @param below the comparison that these fields are laid over */
function mapComparison(given: Fields, map: MapName, below: Fields = {}): Fields {
  const ofBelow = isRecord(below.base) ? below.base : {}
  const base = overlay(ofBelow, isRecord(given.base) ? given.base : {})
  const arm = (one: unknown, i: number): unknown =>
    isRecord(one) && isRecord(one.input)
      ? { ...one, input: mapFields(KINDS.align, one.input, map, `arms.${i}.input.`, base) }
      : one
  return {
    ...mapFields(KINDS.compare, given, map, '', below),
    ...(isRecord(given.base) && { base: mapFields(KINDS.align, given.base, map, 'base.', ofBelow) }),
    ...(Array.isArray(given.arms) && { arms: given.arms.map(arm) }),
  }
}

function mapSweep(given: Fields, map: MapName): Fields {
  const { workflow, base: ofPreset } = presetOf(given)
  const own = isRecord(given.base) ? given.base : {}
  const base = overlay(ofPreset, own)
  const point = (field: string, value: unknown, where: string): unknown =>
    mapPoint(workflow, base, { field, value }, (kind, name) => map(kind, name, where))
  const axis = (one: unknown, i: number): unknown =>
    isRecord(one) && typeof one.field === 'string' && Array.isArray(one.values)
      ? { ...one, values: one.values.map((value: unknown) => point(one.field as string, value, `axes.${i}.values`)) }
      : one
  const entry = (one: unknown, i: number): unknown =>
    isRecord(one)
      ? Object.fromEntries(
          Object.entries(one).map(([field, value]) => [field, point(field, value, `list.${i}.${field}`)]),
        )
      : one
  return {
    ...mapFields(KINDS.sweep, given, map),
    ...(isRecord(given.base) && { base: mapNames(workflow, own, (kind, name, at) => map(kind, name, `base.${at}`)) }),
    ...(Array.isArray(given.axes) && { axes: given.axes.map(axis) }),
    ...(Array.isArray(given.list) && { list: given.list.map(entry) }),
  }
}

function presetOf({ preset, workflow }: Fields): { workflow: WorkflowName; base: Fields } {
  const known = typeof preset === 'string' && Object.hasOwn(sweepPresets, preset)
  const input: { workflow?: string; base?: object } = known ? sweepPresets[preset as SweepPreset].input : {}
  const name = (workflow ?? input.workflow ?? 'align') as WorkflowName
  return { workflow: Object.hasOwn(KINDS, name) ? name : 'align', base: { ...input.base } }
}

/** The value of a field that a sweep sets, e.g. "data.path", mapped as if it stood in the input. */
function mapPoint(
  workflow: WorkflowName,
  base: Fields,
  { field, value }: { field: string; value: unknown },
  map: MapName,
): unknown {
  const path = field.split('.')
  const nested = path.reduceRight<unknown>((inner, name) => ({ [name]: inner }), value) as Fields
  const mapped =
    workflow === 'compare' || workflow === 'rounds'
      ? mapComparison(nested, map, base)
      : mapFields(KINDS[workflow], nested, map, '', base)
  return path.reduce<unknown>((at, name) => (at as Fields)[name], mapped)
}

export interface GivenName {
  kind: NameKind
  name: string
  /** Where the input has it. */
  field: string
  /** Of a model that an engine computes which knows more families than TensorFlow.js. */
  families?: 'any'
}

/** Roles that a run of `align` never asks. */
const unasked = ({ method, untilStage, dpo }: { method?: unknown; untilStage?: unknown; dpo?: unknown }): string[] => [
  ...(!usesLabeler(method, dpo) || untilStage === 'sft' ? ['labeler'] : []),
  ...(untilStage === undefined ? [] : ['judge']),
]

/** Every name that a run of a checked input will look up, each once. */
export function namesIn(workflow: WorkflowName, input: unknown): GivenName[] {
  const found = new Map<string, GivenName>()
  for (const one of allNames(workflow, input as Fields)) {
    const key = `${one.kind} ${one.name} ${one.families ?? ''}`
    if (!found.has(key)) found.set(key, one)
  }
  return [...found.values()]
}

function allNames(workflow: WorkflowName, input: Fields): GivenName[] {
  if (workflow === 'sweep') {
    const sweep = input as SweepInput
    return trialsOf(sweep, undefined, 'checked before').flatMap((trial) => allNames(sweep.workflow, trial.input))
  }
  if (workflow === 'compare') {
    const comparison = parse(workflowSchemas.compare, input, 'compare')
    const ofArms = armsOf(comparison).flatMap((arm) => allNames('align', { ...arm.input }))
    const { task } = armsOf(comparison)[0]!.input
    return [...ofArms, ...ownNames('compare', { task, judge: comparison.judge }).filter(isNotItself)]
  }
  if (workflow === 'rounds') return allNames('align', { ...roundInput(parse(workflowSchemas.rounds, input, 'rounds')) })
  if (workflow === 'align')
    return ownNames('align', without(input, unasked(input))).flatMap((one) =>
      isNotItself(one) ? [one] : asLabeler(one, input),
    )
  return ownNames(workflow, workflow === 'rl' && input.rewardModel ? without(input, ['labeler']) : input)
}

const without = (input: Fields, fields: readonly string[]): Fields =>
  Object.fromEntries(Object.entries(input).filter(([field]) => !fields.includes(field)))

/** Labelers are computed by TensorFlow.js, whatever computes policies. */
const OF_LABELERS = /^((revise|rl\.watch|onlineDpo\.watch)\.)?(labeler|judge)\./

/** "policy" is the run's own model where it is the labeler or judge of a whole run. */
const isNotItself = ({ kind, name, field }: GivenName) =>
  !(kind === 'model' && name === 'policy' && OF_LABELERS.test(field))

/** The run's own model as its labeler: on Ray, a policy may be of a family that labelers are not. */
const asLabeler = (labeler: GivenName, input: Fields): GivenName[] =>
  isOnRay(input) && typeof input.model === 'string' && !isArtifactUri(input.model)
    ? [{ ...labeler, name: input.model }]
    : []

const isOnRay = ({ engine }: Fields): boolean => isRecord(engine) && 'ray' in engine

function ownNames(workflow: WorkflowName, input: Fields): GivenName[] {
  const names: GivenName[] = []
  mapFields(KINDS[workflow], input, (kind, name, field) => {
    const isPolicy = kind === 'model' && !OF_LABELERS.test(field)
    names.push({ kind, name, field, ...(isOnRay(input) && isPolicy && { families: 'any' as const }) })
    return name
  })
  return [...names, ...guidanceNames(input)]
}

/**
 * The rubric and the principles of a task that labelers ask for, by the name of the task. The input of a trial is as its
 * sweep has it: labelers in short, variants without a technique.
 */
function guidanceNames({ task, variants = [], ...input }: Fields): GivenName[] {
  if (typeof task !== 'string') return []
  const roles = ['labeler', 'judge'].flatMap((role) => (input[role] ? [[role, input[role]] as const] : []))
  const watching = ['rl', 'onlineDpo'].flatMap((group) => {
    const labeler = watcherIn(input[group])
    return labeler ? [[`${group}.watch.labeler`, labeler] as const] : []
  })
  const asked = [...roles, ...watching].flatMap(([role, labeler]) =>
    membersOf(longForm('labeler', labeler) as LabelerSettings).map((member) => [role, member] as const),
  )
  const ofVariants = (variants as { technique?: Partial<MemberSettings> }[]).map(
    ({ technique = {} }, i) => [`variants.${i}.technique`, technique] as const,
  )
  const revised: GivenName[] = input.revise ? [{ kind: 'principles', name: task, field: 'revise' }] : []
  const ofLabelers = [...asked, ...ofVariants].flatMap(([role, { score, principles }]): GivenName[] => [
    ...(score === 'rubric' ? [{ kind: 'rubric', name: task, field: `${role}.score` } as const] : []),
    ...(principles ? [{ kind: 'principles', name: task, field: `${role}.principles` } as const] : []),
  ])
  return [...revised, ...ofLabelers]
}
