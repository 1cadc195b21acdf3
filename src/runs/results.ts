// The artifacts among the results of a run.
import { artifactSchema, type Artifact } from '../contracts/artifact'

export const REPORT = 'report.html'

/** An artifact, if it is one. */
export const artifact = (value: unknown) => artifactSchema.safeParse(value).data

/** The report among the results of a run. */
export const reportOf = (result: unknown): Artifact | undefined => artifact((result as { report?: unknown }).report)

/** The artifacts among the results of a run. */
export function artifactsOf(result: unknown): Artifact[] {
  const { policy, policies } = result as { policy?: unknown; policies?: object }
  return [reportOf(result), artifact(policy), ...Object.values(policies ?? {}).map(artifact), artifact(result)].filter(
    (found) => found !== undefined,
  )
}
