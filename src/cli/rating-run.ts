// The run behind a rating page, asked with patience: a rating is idempotent, so that it may be sent again until Temporal has it.
import type { WorkflowHandle } from '@temporalio/client'
import { WorkflowUpdateFailedError } from '@temporalio/client'
import { folderOf } from '../artifacts/open-store'
import type { Item, RaterView } from '../contracts/human-evaluation'
import { readItems } from '../rating/items'
import type { Evaluation } from '../rating/server'

const TRIES = 5
const ONE_TRY_MS = 8_000
const PAUSE_MS = 500

const late = (what: string) =>
  new Promise<never>((_, reject) => setTimeout(() => reject(new Error(`${what} does not answer`)), ONE_TRY_MS).unref())

/** Tries again what a restarting server, worker or run did not answer. A refusal is final. */
async function patiently<T>(ask: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await Promise.race([ask(), late('the run')])
    } catch (error) {
      const refused =
        error instanceof WorkflowUpdateFailedError &&
        (error.cause as { type?: string } | undefined)?.type === 'InvalidInput' &&
        !/still being drawn/.test(error.cause?.message ?? '')
      if (refused) throw error.cause ?? error
      if (tries === TRIES) throw new Error((error as Error).message, { cause: error })
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS * tries))
    }
  }
}

/** @param home where copies of artifacts are kept */
export function evaluationOf(handle: WorkflowHandle, home: string): Evaluation {
  const read = new Map<string, Item[]>()
  return {
    run: handle.workflowId,
    view: (rater) => patiently(() => handle.query<RaterView, [string]>('raterView', rater)),
    rate: (rating) => patiently(() => handle.executeUpdate<RaterView, [unknown]>('rate', { args: [rating] })),
    async items(uri) {
      const items = read.get(uri) ?? readItems(await folderOf(home, uri))
      read.set(uri, items)
      return items
    },
  }
}
