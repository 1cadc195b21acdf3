// The run behind a rating page, with retries: a rating is idempotent, so it can be sent again until Temporal has it.
import type { WorkflowHandle } from '@temporalio/client'
import { WorkflowUpdateFailedError } from '@temporalio/client'
import { folderOf } from '../artifacts/open-store'
import type { Item, RaterView } from '../contracts/human-evaluation'
import { readItems } from '../rating/items'
import type { Evaluation } from '../rating/server'

const MAX_ATTEMPTS = 5
const ATTEMPT_TIMEOUT_MS = 8_000
const PAUSE_MS = 500

const timeout = () =>
  new Promise<never>((_, reject) =>
    setTimeout(
      () => reject(new Error('the run does not answer; see that a worker is up (`rlaif up`)')),
      ATTEMPT_TIMEOUT_MS,
    ).unref(),
  )

/** Whether the run answered that the rating is wrong, which a retry cannot change. */
const isRefusal = (error: unknown): error is WorkflowUpdateFailedError =>
  error instanceof WorkflowUpdateFailedError &&
  (error.cause as { type?: string } | undefined)?.type === 'InvalidInput' &&
  !/still being drawn/.test(error.cause?.message ?? '')

/** Retries while the server, a worker or the run restarts. */
async function withRetries<T>(ask: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await Promise.race([ask(), timeout()])
    } catch (error) {
      if (isRefusal(error)) throw error.cause ?? error
      if (attempt === MAX_ATTEMPTS) throw new Error((error as Error).message, { cause: error })
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS * attempt))
    }
  }
}

/** @param home folder that keeps local copies of artifacts */
export function evaluationOf(handle: WorkflowHandle, home: string): Evaluation {
  const cache = new Map<string, Item[]>()
  return {
    run: handle.workflowId,
    view: (rater) => withRetries(() => handle.query<RaterView, [string]>('raterView', rater)),
    rate: (rating) => withRetries(() => handle.executeUpdate<RaterView, [unknown]>('rate', { args: [rating] })),
    async items(uri) {
      const items = cache.get(uri) ?? readItems(await folderOf(home, uri))
      cache.set(uri, items)
      return items
    },
  }
}
