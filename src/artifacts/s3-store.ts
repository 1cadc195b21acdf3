// Artifacts in a bucket that workers of many machines share, with a copy on each machine that reads them.
//
//   <bucket>/<stage>/<key>/<upload>/…          the files of an artifact
//   <bucket>/<stage>/<key>/manifest.json       written last: the artifact is there, and which upload it is
//   <bucket>/claims/<stage>-<key>              who computes it now
//   <bucket>/work/<stage>-<key>/…              checkpoints of an unfinished stage (mirror.ts)
//   <bucket>/answers/…                         labelers' answers (mirror.ts)
//
// On this machine a file store below <root> is the place where stages work and the cache of what they read; below <root>/texts lie
// artifacts without their weights, for reports.
import { randomUUID } from 'node:crypto'
import { existsSync, mkdirSync, renameSync, rmSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { z } from 'zod'
import type { Artifact } from '../contracts/artifact'
import { InvalidInput } from '../contracts/parse'
import { fileDigest } from '../digest'
import type { Bucket, SmallObject } from './bucket'
import { STALE_MS, takeLock, type LockPlace } from './lock'
import { damage, fileStore, readManifest, setAside, writeManifest } from './file-store'
import { answerMirror, checkpointMirror, type Mirror } from './mirror'
import { MANIFEST, manifestSchema, type ArtifactStore, type Manifest, type OpenedArtifact, type Wanted } from './store'

/** What checkpoints and answers a killed machine takes with it: those of this long, and of one upload. */
const PUSH_EVERY_MS = 10_000
const FILES_AT_ONCE = 4
const DAY_MS = 86_400_000

const remoteSchema = manifestSchema.extend({ upload: z.uuid() })
type RemoteManifest = z.infer<typeof remoteSchema>

interface Place {
  stage: string
  key: string
}

/** @param root of the file store of this machine */
export function s3Store(bucket: Bucket, root: string): ArtifactStore {
  const local = fileStore(root)
  const folderOf = ({ stage, key }: Place) => join(root, stage, key)
  const manifestKey = ({ stage, key }: Place) => `${stage}/${key}/${MANIFEST}`
  const reference = ({ stage, key, sha256, bytes, summary }: Manifest): Artifact => ({
    uri: `${bucket.uri}/${stage}/${key}`,
    sha256,
    bytes,
    summary,
  })
  const mirrors = new Map<string, Mirror[]>()

  const placeOf = (uri: string): Place => {
    const [, stage, key] = uri.startsWith(`${bucket.uri}/`)
      ? (/^\/([a-z-]+)\/([\w-]+)$/.exec(uri.slice(bucket.uri.length)) ?? [])
      : []
    if (stage === undefined || key === undefined)
      throw new InvalidInput(
        `artifacts: ${uri} is not inside this worker's store ${bucket.uri}; set RLAIF_STORE so that all workers share one`,
      )
    return { stage, key }
  }

  /** What says of an artifact that it is there; without `manifest` where it cannot be read, with the reason. */
  async function remoteManifest(
    place: Place,
  ): Promise<(SmallObject & { manifest?: RemoteManifest; wrong?: string }) | undefined> {
    const found = await bucket.read(manifestKey(place))
    if (!found) return undefined
    try {
      return { ...found, manifest: remoteSchema.parse(JSON.parse(found.text)) }
    } catch (error) {
      return { ...found, wrong: `${MANIFEST} cannot be used: ${(error as Error).message}` }
    }
  }

  /** The manifest of an artifact that must be there. */
  async function required(uri: string): Promise<RemoteManifest> {
    const found = await remoteManifest(placeOf(uri))
    if (!found)
      throw new InvalidInput(
        `artifacts: ${uri} is not a finished artifact (no ${MANIFEST}); run the stage that makes it again`,
      )
    if (!found.manifest) throw new InvalidInput(`artifacts: ${uri}: ${found.wrong}; run the stage that makes it again`)
    return found.manifest
  }

  /** Its files stay; without a manifest the stage that makes it does it again. */
  const disown = (place: Place) => bucket.remove([manifestKey(place)])

  /** Whether every file is there and as long as it was. */
  async function missing({ stage, key, upload, files }: RemoteManifest): Promise<string | undefined> {
    const prefix = `${stage}/${key}/${upload}/`
    const there = new Map((await bucket.list(prefix)).map((object) => [object.key.slice(prefix.length), object.bytes]))
    const wrong = files.find(({ name, bytes }) => there.get(name) !== bytes)
    return (
      wrong &&
      (there.has(wrong.name)
        ? `${wrong.name} is ${there.get(wrong.name)} bytes long instead of ${wrong.bytes}`
        : `${wrong.name} is missing`)
    )
  }

  /** Brings files of an artifact to a folder of this machine, which appears whole. @throws InvalidInput when one is not what was written */
  async function fetchTo(folder: string, manifest: RemoteManifest, wanted: Wanted): Promise<void> {
    const { stage, key, upload, files } = manifest
    const staging = join(root, 'work', `fetch-${randomUUID()}`)
    mkdirSync(staging, { recursive: true })
    try {
      await eachOf(
        files.filter((file) => isWanted(file, wanted)),
        async ({ name, sha256 }) => {
          await bucket.download(`${stage}/${key}/${upload}/${name}`, join(staging, name))
          if ((await fileDigest(join(staging, name))) === sha256) return
          await disown(manifest)
          throw new InvalidInput(
            `artifacts: ${bucket.uri}/${stage}/${key}: ${name} has changed; it is not used any more. Start the run again, or reset it to the stage that makes it: only what is missing is done again`,
          )
        },
      )
      const { upload: _, ...own } = manifest
      writeManifest(staging, own)
      mkdirSync(dirname(folder), { recursive: true })
      if (holds(folder, manifest.sha256, wanted)) return // another process was quicker
      if (existsSync(folder)) setAside(folder, 'replaced')
      renameSync(staging, folder)
    } finally {
      rmSync(staging, { recursive: true, force: true })
    }
  }

  /** Brings the finished artifact of this machine to the bucket. Of two with the same content the first stays. */
  async function upload(place: Place): Promise<Artifact> {
    const own = readManifest(folderOf(place))
    const upload = randomUUID()
    const prefix = `${place.stage}/${place.key}/${upload}`
    await eachOf(own.files, ({ name }) => bucket.upload(`${prefix}/${name}`, join(folderOf(place), name)))
    for (;;) {
      const before = await remoteManifest(place)
      const there = before?.manifest?.sha256 === own.sha256 ? before.manifest : undefined
      if (
        !there &&
        !(await bucket.write(
          manifestKey(place),
          `${JSON.stringify({ ...own, upload }, null, 2)}\n`,
          before ? { tag: before.tag } : 'absent',
        ))
      )
        continue
      if (there) await bucket.remove(own.files.map(({ name }) => `${prefix}/${name}`))
      await bucket.remove((await bucket.list(`work/${place.stage}-${place.key}/`)).map(({ key }) => key))
      return reference(there ?? own)
    }
  }

  async function open(
    { uri, sha256 }: Pick<Artifact, 'uri' | 'sha256'>,
    wanted: Wanted = 'all',
  ): Promise<OpenedArtifact> {
    const place = placeOf(uri)
    const whole = folderOf(place)
    const folder =
      wanted === 'all' || holds(whole, sha256, 'all')
        ? whole
        : join(root, 'texts', `${place.stage}-${place.key}-${sha256.slice(0, 16)}`)
    if (!holds(folder, sha256, wanted)) {
      const manifest = await required(uri)
      if (manifest.sha256 !== sha256)
        throw new InvalidInput(
          `artifacts: ${uri} holds ${manifest.sha256}, the run asks for ${sha256}; it was made again since: start the run again`,
        )
      await fetchTo(folder, manifest, wanted)
    }
    return { folder, manifest: readManifest(folder) }
  }

  return {
    async find(stage, key) {
      const place = { stage, key }
      const found = await remoteManifest(place)
      if (!found) return (await local.find(stage, key)) && upload(place) // made here by an attempt that could not bring it there
      const wrong = found.manifest ? await missing(found.manifest) : found.wrong
      if (found.manifest && wrong === undefined) {
        if (Date.now() - found.modified.getTime() > DAY_MS) await bucket.write(manifestKey(place), found.text, found) // in use again: young for the garbage collection
        return reference(found.manifest)
      }
      await disown(place)
      process.stderr.write(`artifacts: ${bucket.uri}/${stage}/${key}: ${wrong}; the stage is done again\n`)
      return undefined
    },

    async verify(artifact) {
      const folder = folderOf(placeOf(artifact.uri))
      if (existsSync(folder) && (await damage(folder))) setAside(folder)
      await open(artifact)
    },

    lock: (stage, key, signal, onWait) => takeLock(bucketLock(bucket, `claims/${stage}-${key}`), signal, onWait),

    async begin(stage, key) {
      const work = await local.begin(stage, key)
      const kept = [
        checkpointMirror(bucket, `work/${stage}-${key}`, work.checkpoints),
        answerMirror(bucket, 'answers', join(root, 'answers')),
      ]
      for (const mirror of kept) await mirror.pull()
      mirrors.set(work.output, kept)
      return work
    },

    keepSafe({ output }) {
      const stop = pushing(mirrors.get(output) ?? [])
      mirrors.delete(output)
      return stop
    },

    discard: (work) => local.discard(work),

    async commit(work, made) {
      await local.commit(work, made)
      return upload(made)
    },

    open,
    describe: async (uri) => reference(await required(uri)),
  }
}

const isWanted = ({ name }: { name: string }, wanted: Wanted) => wanted === 'all' || !name.endsWith('.safetensors')

function manifestIn(folder: string): Manifest | undefined {
  try {
    return readManifest(folder)
  } catch {
    return undefined // not there, or damaged: fetched again
  }
}

/** Whether a folder of this machine has the wanted files of this content, each as long as it was. */
function holds(folder: string, sha256: string, wanted: Wanted): boolean {
  const manifest = manifestIn(folder)
  return (
    manifest?.sha256 === sha256 &&
    manifest.files
      .filter((file) => isWanted(file, wanted))
      .every(({ name, bytes }) => statSync(join(folder, name), { throwIfNoEntry: false })?.size === bytes)
  )
}

async function eachOf<T>(items: readonly T[], act: (item: T) => Promise<void>): Promise<void> {
  const left = [...items]
  const worker = async () => {
    for (let item = left.shift(); item !== undefined; item = left.shift()) await act(item)
  }
  await Promise.all(Array.from({ length: FILES_AT_ONCE }, worker))
}

/** Brings to the bucket what is new, again and again. @returns what to call at the end: it does so once more */
function pushing(mirrors: readonly Mirror[]): () => Promise<void> {
  let last = Promise.resolve()
  const push = async () => {
    for (const mirror of mirrors) await mirror.push()
  }
  const told = (error: unknown) =>
    void process.stderr.write(
      `artifacts: what the stage keeps is on this machine alone for now: ${(error as Error).message}\n`,
    )
  const timer = setInterval(() => (last = last.then(push).catch(told)), PUSH_EVERY_MS)
  return async () => {
    clearInterval(timer)
    await last.then(push).catch(told)
  }
}

/** Whose owner is gone is told by the waiter's own clock: no touch for so long. Written by conditions on the object's tag, so one gets it. */
function bucketLock(bucket: Bucket, key: string): LockPlace {
  const owner = randomUUID()
  const text = () => JSON.stringify({ owner, at: new Date().toISOString() })
  let seen: { tag: string; since: number } | undefined
  return {
    async tryTake() {
      const there = await bucket.tagOf(key)
      if (there !== undefined && there !== seen?.tag) seen = { tag: there, since: Date.now() }
      if (there !== undefined && Date.now() - seen!.since <= STALE_MS) return undefined
      let own = await bucket.write(key, text(), there === undefined ? 'absent' : { tag: there })
      if (own === undefined) return undefined
      return {
        async touch() {
          own = (await bucket.write(key, text(), { tag: own! }).catch(() => own)) ?? own // taken over while this process could not: both compute
        },
        async release() {
          if ((await bucket.tagOf(key)) === own) await bucket.remove([key])
        },
      }
    },
  }
}
