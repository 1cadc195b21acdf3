// Where artifacts are: RLAIF_STORE names a bucket, s3://bucket/prefix; without it they lie in RLAIF_HOME.
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { fileStore } from './file-store'
import { clearableBucket, clearableFolder, type Clearable } from './gc'
import type { ArtifactStore } from './store'

/** The file store of this machine, or its copies of what is in the bucket. @param home RLAIF_HOME */
export const storeFolder = (home: string): string => join(home, 'store')

export const bucketUri = (): string | undefined => process.env.RLAIF_STORE || undefined

/** The AWS SDK is loaded where a bucket is used. @throws InvalidInput when RLAIF_STORE is no place for a store */
export async function openStore(home: string, uri = bucketUri()): Promise<ArtifactStore> {
  if (uri === undefined) return fileStore(storeFolder(home))
  const [{ openBucket }, { s3Store }] = await Promise.all([import('./bucket.js'), import('./s3-store.js')])
  return s3Store(openBucket(uri), storeFolder(home))
}

/** The folder of an artifact, without its weights, for a person at this machine: wherever it lies, and wherever this process keeps its own. */
export async function folderOf(home: string, uri: string): Promise<string> {
  if (!uri.startsWith('s3://')) return fileURLToPath(uri)
  const store = await openStore(home, uri.split('/').slice(0, -2).join('/'))
  return (await store.open(await store.describe(uri), 'text')).folder
}

/** What `rlaif artifacts gc` looks through. */
export async function openClearable(home: string, uri = bucketUri()): Promise<Clearable> {
  if (uri === undefined) return clearableFolder(storeFolder(home))
  const { openBucket } = await import('./bucket.js')
  return clearableBucket(openBucket(uri), storeFolder(home))
}
