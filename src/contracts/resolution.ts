// What a person decides about a stage that failed permanently: the message `resolveFailure`.
import { z } from 'zod'
import { labelerSchema } from './labeler-settings'
import { isRecord, overlayField } from './overlay'
import { InvalidInput, parse } from './parse'
import { fieldsToOverride, inWordsOfStage, waysOn } from './stage-overrides'
import { stageSchemas, type StageInput, type StageName } from './stages'

export const RESOLUTION_ACTIONS = ['retry', 'skip', 'abort'] as const

export const resolutionSchema = z.strictObject({
  action: z
    .enum(RESOLUTION_ACTIONS)
    .describe(
      '"retry" runs the stage again; "skip" continues without it, if the run can do without; "abort" fails the run.',
    ),
  overrides: z
    .record(z.string(), z.unknown())
    .optional()
    .describe(
      'For "retry": fields that override those of the stage, by their names in the input of the run, ' +
        'e.g. {"labeler": {"baseUrl": "http://127.0.0.1:8000/v1"}} or {"rl": {"learningRate": 1e-5}}.',
    ),
})
export type Resolution = z.infer<typeof resolutionSchema>

/**
 * Fields that a person overrides as in a run's input. In a stage's input the settings come with the artifact of a local
 * model, which stays or is resolved again.
 */
const LABELERS = ['labeler', 'judge'] as const

/**
 * The input of a stage with overrides applied, field by field at every depth; artifacts are replaced as a whole.
 * @param overrides in the words of the stage's input, or of the run's
 * @throws InvalidInput that lists every bad field, and what the stage takes
 */
export function overridden<N extends StageName>(
  stage: N,
  input: StageInput<N>,
  overrides: Record<string, unknown> = {},
): StageInput<N> {
  const before = input as Record<string, unknown>
  const merged = { ...before }
  try {
    for (const [field, value] of Object.entries(inWordsOfStage(stage, overrides))) {
      const old = before[field]
      if ((LABELERS as readonly string[]).includes(field) && isRecord(old))
        merged[field] = { ...old, settings: labelerWith(old.settings, value, field) }
      else if (field === 'watch') merged[field] = watchWith(old, value)
      else merged[field] = isArtifact(old) || value === undefined ? value : overlayField(field, old, value)
    }
    return parse(stageSchemas[stage] as never, merged, `${stage}: overrides`)
  } catch (error) {
    if (!(error instanceof InvalidInput)) throw error
    throw new InvalidInput(`${error.message}\n${whatItTakes(stage, input)}`, { cause: error })
  }
}

function whatItTakes(stage: StageName, input: object): string {
  const [example] = waysOn(stage, input, false).examples
  const fields = fieldsToOverride(stage, input).map((field) => `"${field}"`)
  return `Stage ${stage} takes ${fields.join(', ')}${example ? `, e.g. ${JSON.stringify(example)}` : ''}`
}

const isArtifact = (value: unknown) => isRecord(value) && 'uri' in value && 'sha256' in value

/** A watch with its labeler as a run's input has it; without a value there is none. */
function watchWith(old: unknown, given: unknown): unknown {
  if (given === null || given === undefined) return undefined
  if (!isRecord(given)) return given
  const { labeler = {}, ...use } = given
  const before = isRecord(old) ? old : {}
  return { ...before, ...use, settings: labelerWith(before.settings, labeler, 'rl.watch.labeler') }
}

const labelerWith = (old: unknown, given: unknown, field: string): unknown =>
  parse(labelerSchema, overlayField('labeler', old, given), `overrides.${field}`)

/** @throws InvalidInput when the message is malformed or does not apply to the parked stage */
export function checkResolution<N extends StageName>(
  given: unknown,
  parked: { stage: N; input: StageInput<N>; canSkip: boolean } | undefined,
): Resolution {
  const resolution = parse(resolutionSchema, given, 'resolveFailure')
  if (!parked) throw new InvalidInput('resolveFailure: no stage of this run is parked; there is nothing to resolve')
  if (resolution.action === 'skip' && !parked.canSkip)
    throw new InvalidInput(
      `resolveFailure: stage ${parked.stage} cannot be skipped: later stages need it; retry it or abort the run`,
    )
  if (resolution.overrides && resolution.action !== 'retry')
    throw new InvalidInput('resolveFailure: "overrides" requires action "retry"')
  overridden(parked.stage, parked.input, resolution.overrides)
  return resolution
}
