// Starting a workflow and seeing it through.
import { fileURLToPath } from 'node:url'
import { join } from 'node:path'
import type { WorkflowHandle } from '@temporalio/client'
import { artifactSchema, type Artifact } from '../contracts/artifact'
import { brief } from '../contracts/brief'
import type { WorkflowName } from '../contracts/workflow-inputs'
import { defaultQueues } from '../workers/worker'
import { runPage, type Connected } from './connection'
import { plainText, reasonOf } from './failure'
import { checkInput } from './input'
import { follow } from './progress'
import { parkedLines } from './parked'

export interface StartOptions {
  id: string
  input: unknown
  /** 1 (first) to 5, 3 if not given: which of the stages that wait for a worker goes first. */
  priority?: number
}

const stamp = () => new Date().toISOString().replace(/\D/g, '').slice(0, 14)
export const newId = (workflow: WorkflowName): string => `${workflow}-${stamp()}`

const summaryOf = (input: unknown): string => brief(input === undefined ? 'defaults' : JSON.stringify(input))

/** Starts a run, or joins the one that goes on under the same id. */
export async function startRun(
  { client }: Pick<Connected, 'client'>,
  workflow: WorkflowName,
  { id, input, priority }: StartOptions,
): Promise<WorkflowHandle> {
  checkInput(workflow, input)
  return client.workflow.start(workflow, {
    taskQueue: defaultQueues.light,
    workflowId: id,
    workflowIdConflictPolicy: 'USE_EXISTING',
    args: input === undefined ? [] : [input],
    staticSummary: summaryOf(input),
    ...(priority !== undefined && { priority: { priorityKey: priority } }),
  })
}

/** Whether a worker takes workflows from the queue; without one a run waits. */
export async function workersArePolling({ client, namespace }: Connected): Promise<boolean> {
  const { pollers } = await client.workflowService.describeTaskQueue({
    namespace,
    taskQueue: { name: defaultQueues.light },
    taskQueueType: 1,
  })
  return (pollers ?? []).length > 0
}

export const REPORT = 'report.html'

/** A path where the artifact lies in a folder, else its URI. */
const place = ({ uri }: Artifact, file = '') =>
  uri.startsWith('file:') ? join(fileURLToPath(uri), file) : `${uri}${file && `/${file}`}`

const artifact = (value: unknown) => artifactSchema.safeParse(value).data

/** The report among the results of a run. */
export const reportOf = (result: unknown): Artifact | undefined => artifact((result as { report?: unknown }).report)

/** Where the results of a run are, one line each. */
export function resultLines(result: unknown): string[] {
  const parts = result as { policy?: unknown }
  const [report, policy, alone] = [reportOf(result), artifact(parts.policy), artifact(result)]
  return [
    report && `Report   ${place(report, REPORT)}`,
    policy && `Policy   ${place(policy)}`,
    alone && `Artifact ${place(alone)}`,
  ].filter((line) => line !== undefined)
}

/** Shows a run until it ends or parks, and says where its results are or how to go on. @returns whether it succeeded */
export async function seeThrough(connected: Connected, handle: WorkflowHandle): Promise<boolean> {
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
