// How an artifact gets from this machine to a bucket and back. Layout: s3-store.ts.
import { randomUUID } from 'node:crypto'
import { existsSync, mkdirSync, renameSync, rmSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { z } from 'zod'
import type { Artifact } from '../contracts/artifact'
import { InvalidInput } from '../contracts/parse'
import { fileDigest } from '../digest'
import type { Bucket, SmallObject } from './bucket'
import { readManifest, setAside, writeManifest } from './file-store'
import type { Place } from './place'
import { MANIFEST, remoteManifestSchema, type FileSelection, type Manifest } from './store'
import { readingFault } from '../file-faults'

const FILES_AT_ONCE = 4

/** A bucket and the folder of this machine that goes with it. */
export interface S3Site {
  bucket: Bucket
  /** Of the file store of this machine. */
  root: string
}

export type RemoteManifest = z.infer<typeof remoteManifestSchema>

/** The object that says that an artifact exists; without `manifest` when it cannot be read, with the reason. */
export interface FoundManifest extends SmallObject {
  manifest?: RemoteManifest
  damage?: string
}

export const folderOf = ({ root }: S3Site, { stage, key }: Place) => join(root, stage, key)
export const manifestKey = ({ stage, key }: Place) => `${stage}/${key}/${MANIFEST}`

export const reference = ({ bucket }: S3Site, { stage, key, sha256, bytes, summary }: Manifest): Artifact => ({
  uri: `${bucket.uri}/${stage}/${key}`,
  sha256,
  bytes,
  summary,
})

export async function readRemoteManifest({ bucket }: S3Site, place: Place): Promise<FoundManifest | undefined> {
  const found = await bucket.read(manifestKey(place))
  if (!found) return undefined
  try {
    const manifest = remoteManifestSchema.parse(JSON.parse(found.text))
    if (manifest.stage !== place.stage || manifest.key !== place.key) throw new Error('it is of another artifact')
    return { ...found, manifest }
  } catch (error) {
    return { ...found, damage: `${MANIFEST} cannot be used: ${readingFault(error)}` }
  }
}

/** Removes the manifest alone: the files stay, and the stage computes the artifact again. */
export const invalidate = (bucket: Bucket, place: Place) => bucket.remove([manifestKey(place)])

/** What is wrong when a file of the artifact is missing or has another length, or undefined. */
export async function findMissing(
  bucket: Bucket,
  { stage, key, upload, files }: RemoteManifest,
): Promise<string | undefined> {
  const prefix = `${stage}/${key}/${upload}/`
  const sizes = new Map((await bucket.list(prefix)).map((object) => [object.key.slice(prefix.length), object.bytes]))
  const wrong = files.find(({ name, bytes }) => sizes.get(name) !== bytes)
  if (!wrong) return undefined
  const size = sizes.get(wrong.name)
  return size === undefined ? `${wrong.name} is missing` : `${wrong.name} has ${size} bytes instead of ${wrong.bytes}`
}

/**
 * Copies files of an artifact to a folder of this machine, which appears whole.
 * @throws InvalidInput when a file is not what was written
 */
export async function download(
  site: S3Site,
  manifest: RemoteManifest,
  folder: string,
  selection: FileSelection,
): Promise<void> {
  const staging = join(site.root, 'work', `fetch-${randomUUID()}`)
  mkdirSync(staging, { recursive: true })
  try {
    await forEachOf(
      manifest.files.filter((file) => isSelected(file, selection)),
      (file) => downloadVerified(site.bucket, manifest, file, staging),
    )
    const { upload: _, ...localManifest } = manifest
    writeManifest(staging, localManifest)
    mkdirSync(dirname(folder), { recursive: true })
    if (hasFiles(folder, manifest.sha256, selection)) return // another process was quicker
    if (existsSync(folder)) setAside(folder, 'replaced')
    renameSync(staging, folder)
  } finally {
    rmSync(staging, { recursive: true, force: true })
  }
}

async function downloadVerified(
  bucket: Bucket,
  manifest: RemoteManifest,
  { name, sha256 }: Manifest['files'][number],
  target: string,
): Promise<void> {
  const { stage, key, upload } = manifest
  await bucket.download(`${stage}/${key}/${upload}/${name}`, join(target, name))
  if ((await fileDigest(join(target, name))) === sha256) return
  await invalidate(bucket, manifest)
  throw new InvalidInput(
    `artifacts: ${bucket.uri}/${stage}/${key}: ${name} has changed; it is not used any more. ` +
      'Start the run again, or reset it to the stage that makes it: only what is missing is computed again',
  )
}

/** Copies the finished artifact of this machine to the bucket. Of two with the same content the first stays. */
export async function upload(site: S3Site, place: Place): Promise<Artifact> {
  const { bucket } = site
  const folder = folderOf(site, place)
  const manifest = readManifest(folder)
  const uploadId = randomUUID()
  const prefix = `${place.stage}/${place.key}/${uploadId}`
  await forEachOf(manifest.files, ({ name }) => bucket.upload(`${prefix}/${name}`, join(folder, name)))
  const first = await publish(site, place, { ...manifest, upload: uploadId })
  if (first) await bucket.remove(manifest.files.map(({ name }) => `${prefix}/${name}`))
  await bucket.remove((await bucket.list(`work/${place.stage}-${place.key}/`)).map(({ key }) => key))
  return reference(site, first ?? manifest)
}

/**
 * Writes the manifest of an upload.
 * @returns that of an earlier upload with the same content, if there is one; it then stays
 */
async function publish(site: S3Site, place: Place, manifest: RemoteManifest): Promise<RemoteManifest | undefined> {
  const text = `${JSON.stringify(manifest, null, 2)}\n`
  for (;;) {
    const before = await readRemoteManifest(site, place)
    if (before?.manifest?.sha256 === manifest.sha256) return before.manifest
    const written = await site.bucket.write(manifestKey(place), text, before ? { tag: before.tag } : 'absent')
    if (written !== undefined) return undefined
  }
}

const isSelected = ({ name }: { name: string }, selection: FileSelection) =>
  selection === 'all' || !name.endsWith('.safetensors')

function manifestIn(folder: string): Manifest | undefined {
  try {
    return readManifest(folder)
  } catch {
    return undefined // missing or damaged: downloaded again
  }
}

/** Whether a folder of this machine has the selected files of this content, each with its length. */
export function hasFiles(folder: string, sha256: string, selection: FileSelection): boolean {
  const manifest = manifestIn(folder)
  return (
    manifest?.sha256 === sha256 &&
    manifest.files
      .filter((file) => isSelected(file, selection))
      .every(({ name, bytes }) => statSync(join(folder, name), { throwIfNoEntry: false })?.size === bytes)
  )
}

export async function forEachOf<T>(
  items: readonly T[],
  act: (item: T) => Promise<void>,
  atOnce = FILES_AT_ONCE,
): Promise<void> {
  let next = 0
  const worker = async () => {
    while (next < items.length) await act(items[next++]!)
  }
  await Promise.all(Array.from({ length: atOnce }, worker))
}
