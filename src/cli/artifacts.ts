// `rlaif artifacts`: lists and removes what the store no longer needs, and pins what it keeps.
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { leftoversIn } from '../artifacts/clearable'
import { CURVES, findGarbage, type Keep } from '../artifacts/gc'
import { bucketUri, openClearable, openStore, storeFolder } from '../artifacts/open-store'
import { isArtifactUri } from '../contracts/artifact'
import type { GarbageOutput } from '../contracts/command-output'
import { InvalidInput } from '../contracts/parse'
import { CURVES_FOLDER } from '../curve-file'
import { withConnection } from '../runs/connection'
import { existingRun } from '../runs/existing-run'
import { NoServer } from '../runs/reason'
import { openRuns, type OpenRuns } from './open-runs'
import { artifactsOf } from '../runs/results'
import { counted, formatBytes } from '../number-format'

const pathOrUri = (uri: string) => (uri.startsWith('file:') ? fileURLToPath(uri) : uri)

export interface GarbageFlags {
  olderThan: number
  keepLast?: number
  of?: string
  answersOlderThan?: number
  /** False: without asking Temporal. */
  runs: boolean
  yes?: boolean
}

/** Lists what may be removed and, with `yes`, removes it. */
export async function collectGarbage(home: string, flags: GarbageFlags): Promise<GarbageOutput> {
  const keep = keepFrom(flags)
  const store = await openClearable(home)
  // asked first: a run that starts meanwhile finds its artifacts, and they are young then
  const open = flags.runs ? await asked() : undefined
  const pins = await store.pins()
  const contents = [...(await store.contents()), ...leftoversIn(join(resolve(home), CURVES_FOLDER), CURVES)]
  const known = new Set(contents.map(({ uri }) => uri))
  const pinned = pins.filter((uri) => known.has(uri))
  const needed = new Set([...pinned, ...(open?.uris ?? [])])
  const found = findGarbage(contents, { ...keep, needed, openSince: open?.since })
  if (flags.yes) await store.remove(found.map(({ uri }) => uri))
  return {
    removed: flags.yes ?? false,
    artifacts: found.map(({ uri, bytes, why }) => ({ uri, bytes, why })),
    bytes: found.reduce((sum, { bytes }) => sum + bytes, 0),
    ...(open && { openRuns: open.runs }),
    pinned: pinned.length,
  }
}

export function garbageLines(home: string, { removed, artifacts, bytes, openRuns, pinned }: GarbageOutput): string[] {
  const folders = `${counted(artifacts.length, 'folder')}, ${formatBytes(bytes)}`
  return [
    ...artifacts.map(({ uri, bytes, why }) => `${formatBytes(bytes).padStart(9)}  ${pathOrUri(uri)}  ${why}`),
    openRuns === undefined
      ? 'open runs were not asked for (--no-runs)'
      : `kept besides: what ${counted(openRuns, 'open run uses', 'open runs use')}, ${pinned} pinned`,
    artifacts.length === 0
      ? `nothing can be removed from ${bucketUri() ?? storeFolder(home)}`
      : removed
        ? `removed ${folders}`
        : `${folders} would be removed; add --yes to remove them`,
  ]
}

async function asked(): Promise<OpenRuns> {
  try {
    return await withConnection(openRuns)
  } catch (error) {
    const message =
      `artifacts gc: it is not known what open runs need: ${(error as Error).message}. ` +
      'If there are none, add --no-runs'
    throw error instanceof NoServer ? new NoServer(message) : new InvalidInput(message, { cause: error })
  }
}

function keepFrom({ olderThan, keepLast, of, answersOlderThan }: GarbageFlags): Keep {
  if ((keepLast === undefined) !== (of === undefined))
    throw new InvalidInput('artifacts gc: --keep-last and --of go together, e.g. --keep-last 7 --of nightly-ablation')
  return {
    days: olderThan,
    ...(of !== undefined && { sweep: { name: of, last: keepLast! } }),
    ...(answersOlderThan !== undefined && { answersDays: answersOlderThan }),
  }
}

/** @param given URI of an artifact, or id of a run: its results */
export async function pin(home: string, given: string, on: boolean): Promise<string[]> {
  const store = await openClearable(home)
  const uris = await urisOf(home, given)
  for (const uri of uris) await (on ? store.pin(uri) : store.unpin(uri))
  return uris.map((uri) => `${on ? 'pinned' : 'no longer pinned'}: ${pathOrUri(uri)}`)
}

async function urisOf(home: string, given: string): Promise<string[]> {
  if (isArtifactUri(given)) return [(await (await openStore(home)).describe(given)).uri]
  const results = await withConnection(async (connected) => {
    const handle = await existingRun(connected, given)
    if ((await handle.describe()).status.name === 'RUNNING')
      throw new InvalidInput(`${given} is still running; what it uses is kept, and can be pinned when it has ended`)
    return artifactsOf(await handle.result())
  })
  if (results.length === 0)
    throw new InvalidInput(`${given} has no artifact among its results; name an artifact by its URI`)
  return results.map(({ uri }) => uri)
}

/** URIs of what is pinned. */
export const listPins = async (home: string): Promise<string[]> => (await openClearable(home)).pins()

export const pinLines = (pins: readonly string[]): string[] =>
  pins.length > 0 ? pins.map(pathOrUri) : ['nothing is pinned; `rlaif artifacts pin <run|uri>` keeps a result']
