// Artifacts on a file system that all workers share.
//
//   <root>/<stage>/<key>/            the finished artifact, which appears by one rename: its files and manifest.json
//   <root>/claims/<stage>-<key>      who computes it now (lock.ts)
//   <root>/work/<stage>-<key>/       work of an unfinished stage: checkpoints, and the output of each attempt
import { createHash, randomUUID } from 'node:crypto'
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { fileDigest } from '../digest'
import { acquireLock, fileLock } from '../file-lock'
import { InvalidInput } from '../contracts/parse'
import type { Artifact } from '../contracts/artifact'
import { LOCKS_FOLDER } from './lock'
import { placeIn, type Place } from './place'
import { recentDigest } from './recent-digests'
import {
  MANIFEST,
  isLog,
  manifestSchema,
  type ArtifactStore,
  type Manifest,
  type OpenedArtifact,
  type Provenance,
  type Work,
} from './store'
import { readingFault } from '../file-faults'

export function fileStore(root: string): ArtifactStore {
  const base = resolve(root)
  const folderOf = (uri: string) => finishedFolder(base, uri)
  return {
    find: (stage, key) => findIntact(base, { stage, key }),
    verify: async ({ uri }) => verifyFolder(folderOf(uri)),
    lock: (stage, key, signal, onWait) =>
      acquireLock(fileLock(join(base, LOCKS_FOLDER, `${stage}-${key}`)), signal, onWait),
    async begin(stage, key) {
      const work = join(base, 'work', `${stage}-${key}`)
      const output = join(work, `output-${randomUUID()}`)
      mkdirSync(output, { recursive: true })
      return { output, checkpoints: join(work, 'checkpoints'), writer: randomUUID() }
    },
    fetchAnswers: () => Promise.resolve(),
    startBackup: () => () => Promise.resolve(),
    discard: ({ output }) => rmSync(output, { recursive: true, force: true }),
    commit: (work, provenance) => commit(base, work, provenance),
    open: async (artifact) => openFolder(folderOf(artifact.uri), artifact),
    async describe(uri) {
      const folder = folderOf(uri)
      return reference(base, readManifest(folder))
    },
  }
}

const reference = (base: string, { stage, key, sha256, bytes, summary }: Manifest): Artifact => ({
  uri: pathToFileURL(join(base, stage, key)).href,
  sha256,
  bytes,
  summary,
})

/** The folder of a finished artifact of this store. @throws InvalidInput for any other URI */
function finishedFolder(base: string, uri: string): string {
  const { stage, key } = placeIn(pathToFileURL(base).href, uri, 'RLAIF_HOME, or RLAIF_STORE for a bucket,')
  const folder = join(base, stage, key)
  if (!existsSync(join(folder, MANIFEST)))
    throw new InvalidInput(
      `artifacts: ${uri} is not a finished artifact (no ${MANIFEST}); run the stage that makes it again`,
    )
  return folder
}

async function findIntact(base: string, { stage, key }: Place): Promise<Artifact | undefined> {
  const folder = join(base, stage, key)
  if (!existsSync(folder)) return undefined
  const damage = await findDamage(folder)
  if (!damage) {
    utimesSync(join(folder, MANIFEST), new Date(), new Date()) // in use again: young for the garbage collection
    return reference(base, readManifest(folder))
  }
  process.stderr.write(`artifacts: ${folder}: ${damage}; moved to ${setAside(folder)}, the stage is computed again\n`)
  return undefined
}

async function verifyFolder(folder: string): Promise<void> {
  const damage = await findDamage(folder, recentDigest)
  if (damage)
    throw new InvalidInput(
      `artifacts: ${folder}: ${damage}; it was moved to ${setAside(folder)}. ` +
        'Start the run again, or reset it to the stage that makes it: only what is missing is computed again',
    )
}

async function commit(base: string, work: Work, provenance: Provenance): Promise<Artifact> {
  const manifest = await manifestOf(work.output, provenance)
  writeManifest(work.output, manifest)
  const { stage, key } = provenance
  const folder = join(base, stage, key)
  mkdirSync(dirname(folder), { recursive: true })
  const previous = existsSync(folder) ? readManifest(folder) : undefined
  if (previous?.sha256 !== manifest.sha256) {
    if (previous) setAside(folder, 'replaced')
    renameSync(work.output, folder)
  } else replaceSummary(folder, previous, manifest)
  rmSync(dirname(work.output), { recursive: true, force: true })
  return reference(base, readManifest(folder))
}

/** The same content computed again: its figures, such as from when the labeler's answers are, may be others. */
function replaceSummary(folder: string, previous: Manifest, { summary, created }: Manifest): void {
  const staging = `${join(folder, MANIFEST)}.${randomUUID()}`
  writeFileSync(staging, manifestText({ ...previous, summary, created }))
  renameSync(staging, join(folder, MANIFEST))
}

async function manifestOf(output: string, provenance: Provenance): Promise<Manifest> {
  const files: Manifest['files'] = []
  for (const name of listFiles(output))
    files.push({ name, bytes: statSync(join(output, name)).size, sha256: await fileDigest(join(output, name)) })
  const content = files.filter(({ name }) => !isLog(name)).map(({ name, sha256 }) => `${name} ${sha256}`)
  return {
    ...provenance,
    created: new Date().toISOString(),
    sha256: createHash('sha256')
      .update([provenance.stage, ...content].join('\n'))
      .digest('hex'),
    bytes: files.reduce((sum, { bytes }) => sum + bytes, 0),
    files,
  }
}

/** Files of a folder and of those in it, sorted. */
function listFiles(folder: string, prefix = ''): string[] {
  return readdirSync(join(folder, prefix), { withFileTypes: true })
    .flatMap((entry) =>
      entry.isDirectory() ? listFiles(folder, `${prefix}${entry.name}/`) : [`${prefix}${entry.name}`],
    )
    .sort()
}

function openFolder(folder: string, { uri, sha256 }: Pick<Artifact, 'uri' | 'sha256'>): OpenedArtifact {
  const manifest = readManifest(folder)
  if (manifest.sha256 !== sha256) throw replacedSince(uri, manifest, sha256)
  for (const { name, bytes } of manifest.files) {
    const file = join(folder, name)
    if (!existsSync(file) || statSync(file).size !== bytes)
      throw new Error(
        `artifacts: ${file} is missing or cut short (${bytes} bytes are recorded); ` +
          `remove ${folder} and run the stage again`,
      )
  }
  return { folder, manifest }
}

// ---- What a store in a bucket needs of the folders of this machine (s3-store.ts)

export const replacedSince = (uri: string, { sha256 }: Manifest, expected: string) =>
  new InvalidInput(
    `artifacts: ${uri} has the digest ${sha256}, the run expects ${expected}; ` +
      'it was computed again since: start the run again',
  )

export function readManifest(folder: string): Manifest {
  try {
    return manifestSchema.parse(JSON.parse(readFileSync(join(folder, MANIFEST), 'utf8')))
  } catch (error) {
    throw new Error(`artifacts: ${join(folder, MANIFEST)} cannot be used: ${readingFault(error)}`, {
      cause: error,
    })
  }
}

const manifestText = (manifest: Manifest) => `${JSON.stringify(manifest, null, 2)}\n`

export const writeManifest = (folder: string, manifest: Manifest) =>
  writeFileSync(join(folder, MANIFEST), manifestText(manifest))

/**
 * What is wrong with a finished folder, or undefined.
 * @param digest of a file
 */
export async function findDamage(folder: string, digest = fileDigest): Promise<string | undefined> {
  try {
    for (const file of readManifest(folder).files) {
      if (!existsSync(join(folder, file.name))) return `${file.name} is missing`
      if ((await digest(join(folder, file.name))) !== file.sha256) return `${file.name} has changed`
    }
    return undefined
  } catch (error) {
    return readingFault(error)
  }
}

/** @returns where the folder is now */
export function setAside(folder: string, as: 'damaged' | 'replaced' = 'damaged'): string {
  const aside = `${folder}.${as}-${Date.now()}`
  renameSync(folder, aside)
  return aside
}
