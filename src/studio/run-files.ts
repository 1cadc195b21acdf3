// The files of a run that the pages of its texts read: artifacts in the store, and the checkpoints of a stage that
// runs on this machine. A run may name any address; only what is in the configured store is opened.
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { folderOf, storeFolder } from '../artifacts/open-store'
import { artifactsIn } from '../artifacts/store'
import type { Artifact } from '../contracts/artifact'
import { LIVE_FOLDER, LIVE_PROMPTS } from '../contracts/validation-scores'
import { existingRun } from '../runs/existing-run'
import { artifact } from '../runs/results'
import { snapshot } from '../runs/snapshot'
import { readRange } from './json-spans'
import type { Studio } from './studio'

/** The finished artifacts of a run, by stage; of several of a stage the last. */
export type ArtifactsOfRun = ReadonlyMap<string, Artifact>

/** @throws InvalidInput when there is no such run */
export async function artifactsOfRun({ connected }: Studio, id: string): Promise<ArtifactsOfRun> {
  const handle = await existingRun(connected, id)
  const { status } = await handle.describe()
  // what a run has ended with is at the server, whether or not a worker answers
  const found =
    status.name === 'COMPLETED'
      ? artifactsIn(await handle.result())
      : (await snapshot(handle)).stages.flatMap(({ artifact: given }) => given ?? [])
  return new Map(
    found.flatMap((given) => {
      const checked = artifact(given)
      const stage = checked?.uri.split('/').at(-2)
      return checked && stage ? [[stage, checked] as const] : []
    }),
  )
}

/** The folder of the run's artifact of a stage. @throws InvalidInput unless it is in the store */
export async function stageFolder(
  { home }: Studio,
  artifacts: ArtifactsOfRun,
  ...stages: readonly string[]
): Promise<string | undefined> {
  const found = stages.flatMap((stage) => artifacts.get(stage) ?? [])[0]
  return found && folderOf(home, found.uri)
}

/** The checkpoints of the stage in which a run validates its policy now, if it runs on this machine. */
export function liveCheckpoints({ home }: Pick<Studio, 'home'>, run: string): string | undefined {
  const work = join(storeFolder(home), 'work')
  const names = existsSync(work) ? readdirSync(work).filter((name) => /^(rl|online-dpo)-[\w-]+$/.test(name)) : []
  return names.map((name) => join(work, name, 'checkpoints')).find((checkpoints) => runOf(checkpoints) === run)
}

const HEAD_BYTES = 4096

function runOf(checkpoints: string): string | undefined {
  const file = join(checkpoints, LIVE_FOLDER, LIVE_PROMPTS)
  if (!existsSync(file)) return undefined
  const [, run] = /^\{"run":("(?:[^"\\]|\\.)*")/.exec(readRange(file, { start: 0, end: HEAD_BYTES })) ?? []
  return run === undefined ? undefined : (JSON.parse(run) as string)
}
