// What a person may override of a stage that is parked: its fields by the names that a run's input has, and examples
// that it takes as they are.
import { z } from 'zod'
import { isEndpoint, isJury, type LabelerSettings } from './labeler-settings'
import { isRecord } from './overlay'
import { InvalidInput } from './parse'
import { stageSchemas, type StageName } from './stages'

/** How a parked stage can be resolved, for whoever shows it. */
export const waysOnSchema = z.object({
  /** Names of the fields that `overrides` takes. */
  fields: z.array(z.string()),
  /** Overrides that the stage takes as they are. */
  examples: z.array(z.record(z.string(), z.unknown())),
  canSkip: z.boolean(),
})
export type WaysOn = z.infer<typeof waysOnSchema>

type Fields = Record<string, unknown>

/** Fields of a stage's input as inputs of runs name them; the first one is shown. */
const GIVEN_AS: Partial<Record<StageName, Record<string, readonly string[]>>> = {
  model: { spec: ['model', 'policy', 'baseline'] },
  revise: { settings: ['revise'] },
  sft: { settings: ['sft'] },
  sample: { settings: ['sample'] },
  label: { settings: ['label'] },
  'reward-model': { settings: ['rewardModel'] },
  dpo: { settings: ['dpo'] },
  'online-dpo': { settings: ['onlineDpo'] },
  rl: { settings: ['rl'] },
  evaluate: { settings: ['evaluate'] },
}

/** Fields that are no person's to change: what other stages made, and how the work is split. */
const INTERNAL = new Set([
  'families',
  'from',
  'shard',
  'shards',
  'references',
  'responses',
  'arms',
  'contests',
  'ratings',
  'raters',
  'watch', // given as a part of the settings
])
/** Stages that only write up what others made: their settings are those of the whole run. */
const WRITING = new Set<StageName>(['report', 'comparison', 'study', 'human-results', 'sweep-report', 'claims'])

const isArtifact = (value: unknown): boolean =>
  (isRecord(value) && 'uri' in value && 'sha256' in value) || (Array.isArray(value) && value.some(isArtifact))

/** The names of what a person may override of a stage, as a run's input has them. */
export function fieldsToOverride(stage: StageName, input: object): string[] {
  if (WRITING.has(stage)) return ['cache']
  const { shape } = stageSchemas[stage]
  const given = input as Fields
  const isOpen = (field: string) =>
    !INTERNAL.has(field) && !isArtifact(given[field]) && (field in given || field === 'template')
  return Object.keys(shape)
    .filter(isOpen)
    .map((field) => GIVEN_AS[stage]?.[field]?.[0] ?? field)
}

const ENDPOINT = { baseUrl: 'http://127.0.0.1:8000/v1' }
const EXAMPLES: Partial<Record<StageName, Fields>> = {
  model: { model: 'default' },
  data: { data: { path: '/data/rows.jsonl' } },
  revise: { revise: { maxFailedShare: 0.1 } },
  sft: { sft: { learningRate: 1e-5 } },
  sample: { sample: { temperature: 0.8 } },
  'human-labels': { limits: { promptTokens: 512 } },
  'reward-model': { rewardModel: { learningRate: 1e-5 } },
  dpo: { dpo: { learningRate: 1e-6 } },
  'online-dpo': { onlineDpo: { learningRate: 1e-6 } },
  rl: { rl: { learningRate: 1e-6 } },
  respond: { limits: { responseTokens: 32 } },
  'rating-items': { prompts: 50 },
}

/** Overrides that a stage takes, most useful first: another labeler where one is asked, then its own settings. */
function examplesOf(stage: StageName, input: object): Fields[] {
  const { engine, ...given } = input as Record<string, { settings: LabelerSettings }> & { engine?: unknown }
  const roles = (['labeler', 'judge'] as const).filter((role) => given[role])
  const asked = roles.flatMap((role): Fields[] => {
    const { settings } = given[role]!
    if (isJury(settings)) return [{ [role]: { quorum: 1 } }, { [role]: 'default' }]
    return isEndpoint(settings)
      ? [{ [role]: ENDPOINT }, { [role]: 'default' }]
      : [{ [role]: { ...ENDPOINT, model: 'Qwen/Qwen2.5-7B-Instruct' } }]
  })
  const own = EXAMPLES[stage]
  return [
    ...watchExamples(stage, input),
    ...asked,
    ...(engine ? [{ engine: { ray: { address: 'http://head:8265' } } }] : []),
    ...(own ? [own] : []),
  ]
}

/** What a person decides whose run parked because the policy is over-optimized. */
function watchExamples(stage: StageName, input: object): Fields[] {
  const { watch } = input as { watch?: { action: string } }
  if (watch?.action !== 'park') return []
  const [group] = GIVEN_AS[stage]!.settings!
  return ['back', 'warn'].map((action) => ({ [group!]: { watch: { action } } }))
}

export const waysOn = (stage: StageName, input: object, canSkip: boolean): WaysOn => ({
  fields: fieldsToOverride(stage, input),
  examples: examplesOf(stage, input),
  canSkip,
})

/** The fields of a stage's input that overrides in the words of a run's input stand for. */
export function inWordsOfStage(stage: StageName, overrides: Fields): Fields {
  const renamed = Object.entries(overrides).flatMap(([name, value]) => fieldOf(stage, name, value))
  return Object.fromEntries(renamed)
}

function fieldOf(stage: StageName, name: string, value: unknown): [string, unknown][] {
  const { shape } = stageSchemas[stage]
  if (name === 'engine' && value === 'tfjs') return [[name, undefined]]
  if (stage === 'model' && (name === 'labeler' || name === 'judge')) return [['spec', modelOf(name, value)]]
  if (stage === 'respond' && name === 'evaluate' && isRecord(value)) return Object.entries(value)
  if (name === 'precision' && 'settings' in shape && !WRITING.has(stage)) return [['settings', { precision: value }]]
  if ('watch' in shape && GIVEN_AS[stage]?.settings?.includes(name) && isRecord(value) && 'watch' in value) {
    const { watch, ...settings } = value
    return [
      ['settings', settings],
      ['watch', watch],
    ]
  }
  const [field] = Object.entries(GIVEN_AS[stage] ?? {}).find(([, names]) => names.includes(name)) ?? []
  return [[field !== undefined && !(name in shape) ? field : name, value]]
}

/** Stage `model` finds the model of a labeler; who is asked instead can be said once that is asked. */
function modelOf(role: string, value: unknown): unknown {
  if (typeof value === 'string') return value
  if (isRecord(value) && Object.keys(value).join() === 'model') return value.model
  throw new InvalidInput(
    `model: overrides: field "${role}": this stage only finds the model of the ${role}; ` +
      'name another one with {"model": …}, or abort the run and start it with another ' +
      role,
  )
}
