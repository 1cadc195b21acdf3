// Artifacts in a bucket that workers of many machines share, with a copy on each machine that reads them.
//
//   <bucket>/<stage>/<key>/<upload>/…          the files of an artifact
//   <bucket>/<stage>/<key>/manifest.json       written last: that the artifact exists, and which upload it is
//   <bucket>/claims/<stage>-<key>              who computes it now (lock.ts)
//   <bucket>/work/<stage>-<key>/…              checkpoints of an unfinished stage (mirror.ts)
//   <bucket>/answers/…                         labelers' answers (answer-mirror.ts)
//
// On this machine a file store in <root> is where stages work and the cache of what they read; <root>/texts holds
// artifacts without their weights, for reports. How artifacts get there and back: s3-transfer.ts.
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { Artifact } from '../contracts/artifact'
import { InvalidInput } from '../contracts/parse'
import { acquireLock } from '../file-lock'
import { answerMirror, fetchShelf } from './answer-mirror'
import { ANSWERS_FOLDER } from './answers'
import type { Bucket } from './bucket'
import { fileStore, findDamage, readManifest, replacedSince, setAside } from './file-store'
import { bucketLock, LOCKS_FOLDER } from './lock'
import { checkpointMirror, type Mirror } from './mirror'
import { placeIn, type Place } from './place'
import { recentDigest } from './recent-digests'
import {
  download,
  findMissing,
  folderOf,
  hasFiles,
  invalidate,
  manifestKey,
  readRemoteManifest,
  reference,
  upload,
  type FoundManifest,
  type RemoteManifest,
  type S3Site,
} from './s3-transfer'
import { MANIFEST, type ArtifactStore, type FileSelection, type OpenedArtifact } from './store'

/** A killed machine loses at most the checkpoints and answers of this long, and of one upload. */
const PUSH_EVERY_MS = 10_000
const DAY_MS = 86_400_000

/** @param root of the file store of this machine */
export function s3Store(bucket: Bucket, root: string): ArtifactStore {
  const local = fileStore(root)
  const site: S3Site = { bucket, root }
  const mirrors = new Map<string, Mirror[]>()
  return {
    async find(stage, key) {
      const place = { stage, key }
      const found = await readRemoteManifest(site, place)
      if (found) return findIntact(site, place, found)
      return (await local.find(stage, key)) && upload(site, place) // by an earlier attempt that could not upload it
    },
    async verify(artifact) {
      const folder = folderOf(site, placeOf(site, artifact.uri))
      if (existsSync(folder) && (await findDamage(folder, recentDigest))) setAside(folder)
      await open(site, artifact)
    },
    lock: (stage, key, signal, onWait) =>
      acquireLock(bucketLock(bucket, `${LOCKS_FOLDER}/${stage}-${key}`), signal, onWait),
    async begin(stage, key) {
      const work = await local.begin(stage, key)
      const checkpoints = checkpointMirror(bucket, `work/${stage}-${key}`, work.checkpoints)
      await checkpoints.pull()
      mirrors.set(work.output, [checkpoints, answerMirror(bucket, join(root, ANSWERS_FOLDER), work.writer)])
      return work
    },
    fetchAnswers: (shelf) => fetchShelf(bucket, join(root, ANSWERS_FOLDER), shelf),
    startBackup({ output }) {
      const stops = (mirrors.get(output) ?? []).map(pushRepeatedly)
      mirrors.delete(output)
      return async () => void (await Promise.all(stops.map((stop) => stop())))
    },
    discard: (work) => local.discard(work),
    async commit(work, provenance) {
      await local.commit(work, provenance)
      return upload(site, provenance)
    },
    open: (artifact, selection) => open(site, artifact, selection),
    describe: async (uri) => reference(site, await requireManifest(site, uri)),
  }
}

/** @throws InvalidInput when the URI is not of this bucket */
const placeOf = ({ bucket }: S3Site, uri: string): Place => placeIn(bucket.uri, uri, 'RLAIF_STORE')

/** The manifest of an artifact that must exist. */
async function requireManifest(site: S3Site, uri: string): Promise<RemoteManifest> {
  const found = await readRemoteManifest(site, placeOf(site, uri))
  if (!found)
    throw new InvalidInput(
      `artifacts: ${uri} is not a finished artifact (no ${MANIFEST}); run the stage that makes it again`,
    )
  if (!found.manifest) throw new InvalidInput(`artifacts: ${uri}: ${found.damage}; run the stage that makes it again`)
  return found.manifest
}

/** The artifact of a manifest that was found, unless it is damaged: then its stage computes it again. */
async function findIntact(site: S3Site, place: Place, found: FoundManifest): Promise<Artifact | undefined> {
  const { bucket } = site
  const damage = found.manifest ? await findMissing(bucket, found.manifest) : found.damage
  if (found.manifest && damage === undefined) {
    const isOld = Date.now() - found.modified.getTime() > DAY_MS
    // written again when in use again: young for the garbage collection
    if (isOld) await bucket.write(manifestKey(place), found.text, found)
    return reference(site, found.manifest)
  }
  await invalidate(bucket, place)
  process.stderr.write(`artifacts: ${bucket.uri}/${place.stage}/${place.key}: ${damage}; the stage is computed again\n`)
  return undefined
}

async function open(
  site: S3Site,
  { uri, sha256 }: Pick<Artifact, 'uri' | 'sha256'>,
  selection: FileSelection = 'all',
): Promise<OpenedArtifact> {
  const place = placeOf(site, uri)
  const whole = folderOf(site, place)
  const folder =
    selection === 'all' || hasFiles(whole, sha256, 'all')
      ? whole
      : join(site.root, 'texts', `${place.stage}-${place.key}-${sha256.slice(0, 16)}`)
  if (!hasFiles(folder, sha256, selection)) {
    const manifest = await requireManifest(site, uri)
    if (manifest.sha256 !== sha256) throw replacedSince(uri, manifest, sha256)
    await download(site, manifest, folder, selection)
  }
  return { folder, manifest: readManifest(folder) }
}

/**
 * Copies what is new to the bucket, again and again; a mirror that fails holds up no other.
 * @returns a function that stops it after one last copy
 */
function pushRepeatedly({ push, close }: Mirror): () => Promise<void> {
  let last = Promise.resolve()
  const warn = (error: unknown) =>
    void process.stderr.write(
      "artifacts: the stage's checkpoints or answers are on this machine only for now: " +
        `${(error as Error).message}\n`,
    )
  const timer = setInterval(() => (last = last.then(push).catch(warn)), PUSH_EVERY_MS)
  return async () => {
    clearInterval(timer)
    await last.then(close).catch(warn)
  }
}
