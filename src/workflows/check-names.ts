// The first thing that a run does: it looks whether what its input names is there.
import { ApplicationFailure, isCancellation, log, patched, proxyActivities, workflowInfo } from '@temporalio/workflow'
import type { Activities } from '../activities'
import { namesIn } from '../contracts/given-names'
import type { Queues } from '../contracts/queues'
import type { Notify } from '../contracts/run-settings'
import type { Track } from '../contracts/track'
import type { WorkflowName } from '../contracts/workflow-inputs'
import { finalFailure, rootCause } from './failure'
import { setSearchAttributes } from './search-attributes'
import type { StageRunner } from './stage-runner'

/** A check of more names would hold up its run, and fill its history; the stages look up the others. */
const MOST_NAMES = 500

/**
 * Ends the run when its input names what is not there. A run that another one started was checked there, with all that
 * one starts; what cannot be looked up now is left to the stage that reads it.
 * @throws a non-retryable failure that lists every such name
 */
export async function checkNames(
  workflow: WorkflowName,
  settings: { queues: Queues; notify?: Notify | undefined; track?: Track | undefined; carried?: unknown },
  stages: Pick<StageRunner, 'warn'>,
): Promise<void> {
  if (workflowInfo().parent !== undefined || settings.carried !== undefined || !patched('names-checked')) return
  const { checkNames: check } = proxyActivities<Activities>({
    taskQueue: settings.queues.light,
    startToCloseTimeout: '10 minutes',
    heartbeatTimeout: '30 seconds',
    retry: { maximumAttempts: 3 },
    summary: 'what the input names is there',
  })
  try {
    const names = namesIn(workflow, settings).slice(0, MOST_NAMES)
    const { notify, track } = settings
    const warnings = await (track ? check(names, notify, track) : notify ? check(names, notify) : check(names))
    for (const warning of warnings ?? []) stages.warn(warning)
  } catch (error) {
    if (isCancellation(error)) throw error
    const cause = rootCause(error)
    if (cause instanceof ApplicationFailure && cause.type === 'InvalidInput') {
      setSearchAttributes({ status: 'failed' })
      throw finalFailure(`${workflow}: ${cause.message}`, 'InvalidInput')
    }
    log.warn('what the input names could not be looked up', { reason: cause.message })
  }
}
