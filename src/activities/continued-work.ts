// Work that goes on from the checkpoints of other work: of a training that a watch has parked, when a person has
// decided what its alarm is to do.
import { existsSync, readdirSync, renameSync, rmSync } from 'node:fs'
import type { ArtifactStore, Work } from '../artifacts/store'
import type { StageName } from '../contracts/stages'
import { linkOrCopyFolder } from '../link-or-copy'

/** The input of the work that a watch may have parked; undefined where this is none that goes on from it. */
export function parkedBefore<I extends object>(input: I): I | undefined {
  const { watch } = input as { watch?: { action: string } }
  return watch && watch.action !== 'park' ? { ...input, watch: { ...watch, action: 'park' } } : undefined
}

const isEmpty = (folder: string) => !existsSync(folder) || readdirSync(folder).length === 0

/**
 * Takes over the checkpoints of other work, all or none, where this one has none of its own.
 * @param key of the other work
 */
export async function continueFrom(
  store: ArtifactStore,
  { stage, key }: { stage: StageName; key: string },
  { checkpoints }: Pick<Work, 'checkpoints'>,
): Promise<void> {
  if (!isEmpty(checkpoints)) return
  const other = await store.begin(stage, key)
  const staging = `${checkpoints}.partial-${process.pid}`
  try {
    if (isEmpty(other.checkpoints)) return
    linkOrCopyFolder(other.checkpoints, staging)
    renameSync(staging, checkpoints)
  } finally {
    rmSync(staging, { recursive: true, force: true })
    store.discard(other)
  }
}
