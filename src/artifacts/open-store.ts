// Where artifacts are: in the bucket that RLAIF_STORE names (s3://bucket/prefix); without it in RLAIF_HOME.
import { join } from 'node:path'
import { fileStore } from './file-store'
import { clearableBucket, clearableFolder } from './clearable'
import type { Clearable } from './gc'
import type { ArtifactStore } from './store'

/** The file store of this machine, or its copies of what is in the bucket. @param home RLAIF_HOME */
export const storeFolder = (home: string): string => join(home, 'store')

export const bucketUri = (): string | undefined => process.env.RLAIF_STORE || undefined

/** Loads the AWS SDK only for a bucket. @throws InvalidInput when RLAIF_STORE is not the URI of a bucket */
export async function openStore(home: string, uri = bucketUri()): Promise<ArtifactStore> {
  if (uri === undefined) return fileStore(storeFolder(home))
  const [{ openBucket }, { s3Store }] = await Promise.all([import('./bucket.js'), import('./s3-store.js')])
  return s3Store(openBucket(uri), storeFolder(home))
}

/**
 * A folder of this machine with an artifact's files, without its weights.
 * @throws InvalidInput unless the artifact is in the configured store: a run may name any address, and none but the
 * configured one is opened
 */
export async function folderOf(home: string, uri: string): Promise<string> {
  const store = await openStore(home)
  return (await store.open(await store.describe(uri), 'text')).folder
}

/** What `rlaif artifacts gc` searches. */
export async function openClearable(home: string, uri = bucketUri()): Promise<Clearable> {
  if (uri === undefined) return clearableFolder(storeFolder(home))
  const { openBucket } = await import('./bucket.js')
  return clearableBucket(openBucket(uri), storeFolder(home))
}
