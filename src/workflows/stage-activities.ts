// The activities of stages, with their timeouts and retries.
import { proxyActivities, type ActivityOptions } from '@temporalio/workflow'
import type { Activities } from '../activities'

/**
 * Long enough for any training; a hung or killed worker is noticed by its missing heartbeat. No timeout covers the time
 * that a stage waits for a free worker.
 */
const OPTIONS: ActivityOptions = {
  startToCloseTimeout: '30 days',
  heartbeatTimeout: '30 seconds',
  retry: { maximumAttempts: 5, initialInterval: '1 second', backoffCoefficient: 4, maximumInterval: '5 minutes' },
}

/** @param summary line in the UI's timeline */
export const stageActivities = (taskQueue: string, summary: string): Activities =>
  proxyActivities<Activities>({ ...OPTIONS, taskQueue, summary })
