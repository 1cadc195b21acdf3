// The activities that workers register, one a stage, and their types for the workflows.
import type { Artifact } from '../contracts/artifact'
import type { StageInput, StageName, StageResult } from '../contracts/stages'
import { resolveArtifact, runStage, type StageRunner } from './run-stage'

/** An activity's name is its stage's. */
export type StageActivities = { [N in StageName]: (input: StageInput<N>) => Promise<StageResult> }
export type Activities = StageActivities & { resolveArtifact(given: Artifact | string): Promise<Artifact> }

export function createActivities(runner: StageRunner, stages: readonly StageName[]): Partial<Activities> {
  const entries = stages.map((stage) => [stage, (input: unknown) => runStage(runner, stage, input)])
  return { ...Object.fromEntries(entries), resolveArtifact: (given) => resolveArtifact(runner, given) }
}
