// Starting a workflow and following it to its end.
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { join } from 'node:path'
import type { WorkflowHandle } from '@temporalio/client'
import { artifactSchema, type Artifact } from '../contracts/artifact'
import type { WorkflowName } from '../contracts/workflow-inputs'
import { defaultQueues } from '../workers/worker'
import { runPage, type Connected } from './connection'
import { reasonOf } from './failure'
import { checkInput } from './input'
import { parkedLines } from './parked'
import { follow } from './progress'
import { plainText } from './terminal'

export interface StartOptions {
  id: string
  input: unknown
  /** Priority of the run's stages among those that wait for a worker: 1 (first) to 5 (last); default: 3. */
  priority?: number
}

const stamp = () => new Date().toISOString().replace(/\D/g, '').slice(0, 14)
export const newId = (workflow: WorkflowName): string => `${workflow}-${stamp()}`

/** Starts a run, or joins the one in progress with the same id. */
export async function startRun(
  { client }: Pick<Connected, 'client'>,
  workflow: WorkflowName,
  { id, input, priority }: StartOptions,
): Promise<WorkflowHandle> {
  const summary = checkInput(workflow, input)
  return client.workflow.start(workflow, {
    taskQueue: defaultQueues.light,
    workflowId: id,
    workflowIdConflictPolicy: 'USE_EXISTING',
    args: input === undefined ? [] : [input],
    staticSummary: summary,
    ...(priority !== undefined && { priority: { priorityKey: priority } }),
  })
}

/** Whether a worker polls the queue of the workflows; without one a run waits. */
export async function workersArePolling({ client, namespace }: Connected): Promise<boolean> {
  const { pollers } = await client.workflowService.describeTaskQueue({
    namespace,
    taskQueue: { name: defaultQueues.light },
    taskQueueType: 1,
  })
  return (pollers ?? []).length > 0
}

export const REPORT = 'report.html'

/** The path of an artifact in a folder, the URI of any other. */
const pathOrUri = ({ uri }: Artifact, file = '') =>
  uri.startsWith('file:') ? join(fileURLToPath(uri), file) : `${uri}${file && `/${file}`}`

const artifact = (value: unknown) => artifactSchema.safeParse(value).data

/** The report among the results of a run. */
export const reportOf = (result: unknown): Artifact | undefined => artifact((result as { report?: unknown }).report)

const isAdapter = ({ uri }: Artifact) =>
  uri.startsWith('file:') && existsSync(join(fileURLToPath(uri), 'adapter_config.json'))

/** The artifacts among the results of a run. */
export function artifactsOf(result: unknown): Artifact[] {
  const { policy, policies } = result as { policy?: unknown; policies?: object }
  return [reportOf(result), artifact(policy), ...Object.values(policies ?? {}).map(artifact), artifact(result)].filter(
    (found) => found !== undefined,
  )
}

/** A line for each result of a run: what it is and where. */
export function resultLines(result: unknown): string[] {
  const parts = result as { policy?: unknown }
  const [report, policy, stageResult] = [reportOf(result), artifact(parts.policy), artifact(result)]
  return [
    report && `Report   ${pathOrUri(report, REPORT)}`,
    policy && `Policy   ${pathOrUri(policy)}`,
    policy && isAdapter(policy) && '         an adapter; `rlaif model export` makes a whole model of it',
    stageResult && `Artifact ${pathOrUri(stageResult)}`,
  ].filter((line) => typeof line === 'string')
}

/** Shows a run until it ends or parks, then its results or how to continue it. @returns whether it succeeded */
export async function watchRun(connected: Connected, handle: WorkflowHandle): Promise<boolean> {
  const page = runPage(connected, handle.workflowId, (await handle.describe()).runId)
  if (page) process.stdout.write(`Run      ${page}\n`)
  const result = handle.result()
  result.catch(() => {}) // awaited below, unless the run parks
  const parked = await follow(handle, result)
  if (parked) {
    process.stderr.write(`\n${plainText(parkedLines(handle.workflowId, parked).join('\n'))}\n`)
    return false
  }
  try {
    process.stdout.write(`${resultLines(await result).join('\n')}\n`)
    return true
  } catch (error) {
    process.stderr.write(`\n${handle.workflowId} failed: ${plainText(reasonOf(error))}\n`)
    return false
  }
}
