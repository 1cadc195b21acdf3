// How a run stands and what it has found: for the terminal, and for scripts as in contracts/command-output.ts.
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { WorkflowExecutionDescription, WorkflowHandle } from '@temporalio/client'
import { folderOf } from '../artifacts/open-store'
import type { Artifact } from '../contracts/artifact'
import type { RunOutput, RunState } from '../contracts/command-output'
import { isRecord } from '../contracts/overlay'
import type { StageStatus } from '../contracts/status'
import { readJsonFile } from '../data/task'
import { answerOf } from '../report/answer'
import type { Answer } from '../report/answer-tables'
import { openHome } from '../workers/home'
import { runPage, type Connected } from './connection'
import { reasonOf } from './reason'
import { snapshot, type Snapshot } from './snapshot'
import { artifact, reportOf } from './results'
import { isMarkedParked, parkedRuns, startedRuns, waitsFor, type Waiting } from './started-runs'

/** A run: what scripts get, and what the terminal shows besides. */
export interface RunView {
  output: RunOutput
  now: Snapshot
  /** What a completed run has found, with how its table is written. */
  answer?: Answer | undefined
}

const CLOSED: Partial<Record<string, RunState>> = {
  COMPLETED: 'completed',
  FAILED: 'failed',
  CANCELLED: 'cancelled',
  TERMINATED: 'terminated',
  TIMED_OUT: 'timedOut',
}
/** How a run stands, by its status at the server. */
export const stateOf = (status: string, isParked: boolean): RunState =>
  CLOSED[status] ?? (isParked ? 'parked' : 'running')

export const secondsBetween = (start: Date, end = new Date()): number => (end.getTime() - start.getTime()) / 1000

export async function viewOf(connected: Connected, handle: WorkflowHandle): Promise<RunView> {
  const described = await handle.describe()
  const { workflowId: id, runId, type: workflow, status, startTime, closeTime } = described
  const now = await snapshot(handle)
  const waiting = status.name === 'RUNNING' ? await waitsFor(handle.client, id) : { parked: [], isStill: false }
  const state = stateOf(status.name, isParkedNow(described, now) || waiting.isStill)
  const page = runPage(connected, id, runId)
  const { result, failure } = state === 'running' || state === 'parked' ? {} : await endOf(handle)
  const answer = result === undefined ? undefined : await answerOfRun(workflow, result)
  return {
    now,
    answer,
    output: {
      id,
      workflow,
      state,
      started: startTime.toISOString(),
      ...(closeTime && { ended: closeTime.toISOString() }),
      seconds: secondsBetween(startTime, closeTime),
      ...(page && { page }),
      stages: now.stages.length > 0 ? now.stages.map(stageOutput) : stagesIn(result),
      ...(now.warnings && now.warnings.length > 0 && { warnings: now.warnings }),
      ...(await openParts(connected, { id, workflow, state }, now, waiting)),
      ...(failure !== undefined && state !== 'cancelled' && { failure }),
      ...(answer && { answer: asOutput(answer) }),
      ...filesOf(result),
    },
  }
}

const stageOutput = ({ stage, state, seconds, message, artifact }: StageStatus): RunOutput['stages'][number] => ({
  stage,
  state,
  ...(seconds !== undefined && { seconds }),
  ...(message !== undefined && { message }),
  ...(artifact && { artifact }),
})

/** The stages that the result of an alignment names: all that is known while no worker answers. */
function stagesIn(result: unknown): RunOutput['stages'] {
  const { stages } = (result ?? {}) as { stages?: unknown }
  return Object.entries(isRecord(stages) ? stages : {}).flatMap(([stage, given]) => {
    const found = artifact(given)
    return found ? [{ stage, state: 'done' as const, artifact: found }] : []
  })
}

/** The stage that is parked; where no worker answers, the server's mark tells that there is one. */
const isParkedNow = ({ typedSearchAttributes }: WorkflowExecutionDescription, { stages }: Snapshot): boolean =>
  stages.length > 0 ? stages.some(({ state }) => state === 'parked') : isMarkedParked(typedSearchAttributes)

async function endOf(handle: WorkflowHandle): Promise<{ result?: unknown; failure?: string }> {
  try {
    return { result: await handle.result() }
  } catch (error) {
    return { failure: reasonOf(error) }
  }
}

/** Runs that it has started, and what of an open one is parked. */
async function openParts(
  connected: Connected,
  run: Pick<RunOutput, 'id' | 'workflow' | 'state'>,
  { stages }: Snapshot,
  waiting: Waiting,
) {
  const { id, state } = run
  const runs = await startedRuns(connected, run)
  const parked = stages.find((stage) => stage.state === 'parked')
  const own = parked
    ? [{ run: id, stage: parked.stage, ...(parked.message !== undefined && { reason: parked.message }) }]
    : []
  const others =
    (state === 'running' || state === 'parked') && runs ? await parkedRuns(connected, id, waiting.parked) : []
  return { ...(runs && { runs }), ...(own.length + others.length > 0 && { parked: [...own, ...others] }) }
}

// ---- The result

async function answerOfRun(workflow: string, result: unknown): Promise<Answer | undefined> {
  const report = reportOf(result)
  const folder = report && (await folderOf(openHome(), report.uri).catch(() => undefined)) // it may be elsewhere
  const file = (name: string) =>
    folder !== undefined && existsSync(join(folder, name)) ? withNaN(readJsonFile(join(folder, name))) : undefined
  return answerOf({ workflow, result, file })
}

const asOutput = ({ sentences, cautions, figures, rows }: Answer) => ({ sentences, cautions, figures, rows })

/** JSON says null for a number that is undefined, which the report's code knows as NaN. */
const withNaN = (content: unknown): unknown =>
  JSON.parse(JSON.stringify(content), (_, value: unknown) => (value === null ? NaN : value))

/** Where the results of a run are. */
function filesOf(result: unknown): Pick<RunOutput, 'report' | 'policy' | 'artifact'> {
  const { policy } = (result ?? {}) as { policy?: unknown }
  const [report, trained, own] = [reportOf(result ?? {}), artifact(policy), artifact(result)]
  return {
    ...(report && { report: fileOf(report, 'report.html') }),
    ...(trained && { policy: fileOf(trained) }),
    ...(own && { artifact: fileOf(own) }),
  }
}

const fileOf = ({ uri }: Artifact, file = '') => ({
  uri,
  ...(uri.startsWith('file:') && { path: join(fileURLToPath(uri), file) }),
})
