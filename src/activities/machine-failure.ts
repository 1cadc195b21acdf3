// Failures of the machine, explained with a remedy: a full disk, a device without memory.
import { readingFault } from '../file-faults'

/** For a person to fix: the stage can continue when there is space again. */
export class DiskFull extends Error {
  override name = 'DiskFull'
}
/** Not worth another attempt: the same settings need the same memory. */
export class OutOfMemory extends Error {
  override name = 'OutOfMemory'
}

const NO_MEMORY = /OOM when allocating|ResourceExhausted|RESOURCE_EXHAUSTED|CUDA_ERROR_OUT_OF_MEMORY|std::bad_alloc/

/** The settings of a stage that decide how much memory it takes. */
export interface MemorySettings {
  microBatchSize?: number
  recompute?: boolean
}

/** @param settings of the stage, if it has any @returns the error to throw in place of the one that was caught */
export function explainFailure(error: unknown, home: string, settings?: MemorySettings): Error {
  const caught = error instanceof Error ? error : new Error(String(error))
  const { code } = caught as NodeJS.ErrnoException
  if (code === 'ENOSPC' || code === 'EDQUOT')
    return new DiskFull(
      `the disk that holds ${home} is full (${caught.message}). Nothing finished is lost: ` +
        'free some space, e.g. with `rlaif artifacts gc`, then retry the stage',
      { cause: error },
    )
  if (NO_MEMORY.test(caught.message))
    return new OutOfMemory(
      `the device does not have enough memory (${caught.message.split('\n')[0]!.slice(0, 300)}). ` +
        `${howToSaveMemory(settings)}, then retry the stage: it resumes from its last checkpoint`,
      { cause: error },
    )
  // a parser quotes the file
  return caught.name === 'SyntaxError' ? new Error(`a file cannot be read: ${readingFault(caught)}`) : caught
}

/** What would take less memory and give the same result, or nearly. */
export function howToSaveMemory({ microBatchSize, recompute }: MemorySettings = {}): string {
  if (microBatchSize !== undefined && microBatchSize > 1)
    return (
      `Set microBatchSize to ${Math.floor(microBatchSize / 2)} instead of ${microBatchSize}, ` +
      'which changes no result'
    )
  if (recompute === false) return 'Set recompute to true, which takes a third more time and changes no result'
  return 'Use shorter limits, an adapter (lora), or a larger device'
}
