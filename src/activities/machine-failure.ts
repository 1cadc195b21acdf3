// Failures of the machine, said in words that help: no room on the disk, no memory on the device.

/** What a person has to mend: the stage goes on when there is room again. */
export class DiskFull extends Error {
  override name = 'DiskFull'
}
/** The same settings would need the same memory again. */
export class OutOfMemory extends Error {
  override name = 'OutOfMemory'
}

const NO_MEMORY = /OOM when allocating|ResourceExhausted|RESOURCE_EXHAUSTED|CUDA_ERROR_OUT_OF_MEMORY|std::bad_alloc/

/** @param settings of the stage, where it has some @returns the error as it is thrown on */
export function explained(
  error: unknown,
  home: string,
  settings?: { microBatchSize?: number; recompute?: boolean },
): Error {
  const known = error instanceof Error ? error : new Error(String(error))
  const { code } = known as NodeJS.ErrnoException
  if (code === 'ENOSPC' || code === 'EDQUOT')
    return new DiskFull(
      `no room is left on the disk that holds ${home} (${known.message}). Nothing finished is lost: make room, e.g. with \`rlaif artifacts gc\`, then retry the stage`,
      { cause: error },
    )
  if (NO_MEMORY.test(known.message))
    return new OutOfMemory(
      `the device has not enough memory (${known.message.split('\n')[0]!.slice(0, 300)}). ${smaller(settings)}, then retry the stage: it goes on from its last checkpoint`,
      { cause: error },
    )
  return known
}

/** What would take less memory and give the same result, or nearly. */
export function smaller({ microBatchSize, recompute }: { microBatchSize?: number; recompute?: boolean } = {}): string {
  if (microBatchSize !== undefined && microBatchSize > 1)
    return `Set microBatchSize to ${Math.floor(microBatchSize / 2)} instead of ${microBatchSize}, which changes no result`
  if (recompute === false) return 'Set recompute to true, which takes a third more time and changes no result'
  return 'Take shorter limits, an adapter (lora), or a larger device'
}
