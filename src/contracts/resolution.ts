// What a person decides about a stage that failed for good: the message `resolveFailure`.
import { z } from 'zod'
import { InvalidInput, parse } from './parse'
import { labelerSchema } from './labeler-settings'
import { stageSchemas, type StageInput, type StageName } from './stages'

export const resolutionSchema = z.strictObject({
  action: z
    .enum(['retry', 'skip', 'abort'])
    .describe('"retry" runs the stage again; "skip" goes on without it, where the run can; "abort" fails the run.'),
  overrides: z
    .record(z.string(), z.unknown())
    .optional()
    .describe(
      'Of "retry": fields laid over those of the stage, e.g. {"labeler": {"baseUrl": "http://127.0.0.1:8000/v1"}} or {"settings": {"learningRate": 1e-5}}.',
    ),
})
export type Resolution = z.infer<typeof resolutionSchema>

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** Fields whose settings a person gives as in a run's input; the artifact of a local model beside them stays or is found again. */
const LABELERS = ['labeler', 'judge'] as const

/**
 * The input of a stage with overrides laid over it, group by group.
 * @throws InvalidInput that lists every bad field
 */
export function overridden<N extends StageName>(
  stage: N,
  input: StageInput<N>,
  overrides: Record<string, unknown> = {},
): StageInput<N> {
  const before = input as Record<string, unknown>
  const merged = { ...before }
  for (const [field, value] of Object.entries(overrides)) {
    const old = before[field]
    if ((LABELERS as readonly string[]).includes(field) && isRecord(old))
      merged[field] = { ...old, settings: labelerWith(old.settings, value, field) }
    else merged[field] = isRecord(old) && isRecord(value) ? { ...old, ...value } : value
  }
  return parse(stageSchemas[stage] as never, merged, `${stage}: overrides`)
}

/** Fields of the same kind of labeler are laid over the old ones; another kind takes its place. */
function labelerWith(old: unknown, given: unknown, field: string): unknown {
  const isEndpoint = (settings: unknown) => isRecord(settings) && 'baseUrl' in settings
  const sameKind = isRecord(given) && (isEndpoint(old) || !isEndpoint(given))
  return parse(labelerSchema, sameKind && isRecord(old) ? { ...old, ...given } : given, `overrides.${field}`)
}

/** @throws InvalidInput when the message does not fit a stage that is parked */
export function checkResolution<N extends StageName>(
  given: unknown,
  parked: { stage: N; input: StageInput<N>; canSkip: boolean } | undefined,
): Resolution {
  const resolution = parse(resolutionSchema, given, 'resolveFailure')
  if (!parked) throw new InvalidInput('resolveFailure: no stage of this run is parked; there is nothing to resolve')
  if (resolution.action === 'skip' && !parked.canSkip)
    throw new InvalidInput(
      `resolveFailure: stage ${parked.stage} cannot be skipped, later stages need it; retry it or abort the run`,
    )
  if (resolution.overrides && resolution.action !== 'retry')
    throw new InvalidInput('resolveFailure: "overrides" go with action "retry"')
  overridden(parked.stage, parked.input, resolution.overrides)
  return resolution
}
