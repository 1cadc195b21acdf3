// The tracker that a run is shown in: MLflow or Weights & Biases.
import { z } from 'zod'
import { environmentName, refuseAddress } from './fields'
import { isRecord } from './overlay'

const shortName = z
  .string()
  .min(1)
  .max(128)
  .regex(/^[^/\\:"'\s][^/\\:"']*$/, 'expected a name without slashes, colons and quotes')

const mlflowSchema = z.strictObject({
  url: z
    .url({ protocol: /^https?$/ })
    .max(2048)
    .superRefine(refuseAddress)
    .describe('Address of the MLflow server, e.g. http://127.0.0.1:5000.'),
  tokenEnv: environmentName
    .optional()
    .describe(
      "Name of the worker's environment variable that holds the server's access token; RLAIF_ENDPOINTS of the worker " +
        'must allow it for the address, as for a labeler. Default: no token is sent.',
    ),
  experiment: shortName.default('rlaif').describe('Name of the experiment, which is made if there is none.'),
})
export type MlflowSettings = z.infer<typeof mlflowSchema>

const wandbSchema = z.strictObject({
  project: shortName.default('rlaif').describe('Name of the project.'),
  entity: shortName.optional().describe('Name of the user or team. Default: that of whoever runs `wandb sync`.'),
})
export type WandbSettings = z.infer<typeof wandbSchema>

export const trackSchema = z
  .union([
    z.strictObject({ mlflow: mlflowSchema.describe('MLflow, by its REST interface.') }),
    z.strictObject({ wandb: wandbSchema.describe('Weights & Biases, by files in the folder `wandb` of RLAIF_HOME.') }),
  ])
  .optional()
  .describe(
    'A tracker that the run is shown in: {"mlflow": {"url": …}} sends curves while they grow, settings, figures, names of ' +
      'artifacts and the report; {"wandb": {}} writes the same as files that `wandb sync` uploads. Each step is there once, ' +
      'and a tracker that does not answer never holds up a run. Results do not depend on it. Default: none.',
  )
export type Track = NonNullable<z.infer<typeof trackSchema>>

/** In a stage's input: which run the tracker is told of. */
export const stageTrackSchema = z.strictObject({
  to: trackSchema.unwrap(),
  /** Workflow ID, and the ID of its execution, which stays when the run is reset. */
  run: z.strictObject({ id: z.string(), execution: z.string() }),
})
export type StageTrack = z.infer<typeof stageTrackSchema>

/** Settings of a run as reports have them: who is told of a run is no part of what it is. */
export function withoutTrack<T>(settings: T): T {
  if (!isRecord(settings)) return settings
  const kept = Object.entries(settings).filter(([name]) => name !== 'track')
  return Object.fromEntries(kept.map(([name, value]) => [name, withoutTrack(value)])) as T
}
