// The activities that workers register, one per stage, and their types for the workflows. Every worker has all of them:
// where a stage runs is decided by the task queue it is sent to.
import type { Artifact } from '../contracts/artifact'
import { stageSchemas, type StageInput, type StageName, type StageResult } from '../contracts/stages'
import type { ContestOfRun } from '../contracts/human-evaluation-input'
import type { Notification } from '../contracts/notification'
import { contestOfRun } from './contest-of-run'
import type { Notify } from '../contracts/run-settings'
import type { Track } from '../contracts/track'
import type { GivenName } from '../contracts/given-names'
import { checkNames } from './check-names'
import { notify } from './notify'
import { executeStage, findStage, resolveArtifact, type StageEnvironment } from './execute-stage'

/** An activity has the name of its stage. */
export type StageActivities = { [N in StageName]: (input: StageInput<N>) => Promise<StageResult> }
export type Activities = StageActivities & {
  /** @param notify null from JSON, where only `track` is given */
  checkNames(names: readonly GivenName[], notify?: Notify | null, track?: Track): Promise<string[]>
  resolveArtifact(given: Artifact | string): Promise<Artifact>
  contestOfRun(given: ContestOfRun): Promise<Artifact>
  findStage(work: { stage: StageName; input: unknown }): Promise<Artifact | null>
  notify(message: Notification): Promise<void>
}

export function createActivities(environment: StageEnvironment): Activities {
  const stages = Object.keys(stageSchemas) as StageName[]
  const entries = stages.map((stage) => [stage, (input: unknown) => executeStage(environment, stage, input)])
  return {
    ...(Object.fromEntries(entries) as StageActivities),
    findStage: (work) => findStage(environment, work),
    contestOfRun: (given) => contestOfRun(environment, given),
    resolveArtifact: (given) => resolveArtifact(environment, given),
    checkNames: (names, notify, track) => checkNames(environment.store, names, notify, track),
    notify,
  }
}
