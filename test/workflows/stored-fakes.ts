// Fake stages that compute nothing but leave real artifacts in a real store, and the real report of a sweep on them.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { sweepReport } from '../../src/activities/stages/sweep-report'
import type { StageHost } from '../../src/activities/stage'
import { fileStore } from '../../src/artifacts/file-store'
import { keyOf, type ArtifactStore } from '../../src/artifacts/store'
import type { Summary } from '../../src/contracts/artifact'
import { parse } from '../../src/contracts/parse'
import { stageSchemas, type StageInput, type StageName, type StageResult } from '../../src/contracts/stages'
import { temporaryFolder } from '../tiny-folder'

type Input = Record<string, unknown>
/** Returns the figures of a stage; throws or waits where the test needs it. */
export type FakeStage = (stage: StageName, input: Input) => Summary | Promise<Summary>

export interface StoredFakes {
  activities: Record<string, (input: Input) => Promise<StageResult>>
  /** Stage and key of all work that was computed; what was taken from the store is not listed. */
  computed: string[]
  store: ArtifactStore
}

export function storedFakes(fake: FakeStage): StoredFakes {
  const store = fileStore(temporaryFolder())
  const computed: string[] = []
  const activity = (stage: StageName) => async (input: Input) => {
    const { cache: _, ...settings } = parse(stageSchemas[stage] as never, input, stage) as Input
    const key = keyOf(stage, 1, settings)
    const found = await store.find(stage, key)
    if (found) return { ...found, reused: true }
    const work = await store.begin(stage, key)
    const summary =
      stage === 'sweep-report'
        ? await sweepReport.run(settings as StageInput<'sweep-report'>, hostOn(store, work.output))
        : await fake(stage, settings)
    if (stage !== 'sweep-report') writeFileSync(join(work.output, 'figures.json'), JSON.stringify([key, summary]))
    computed.push(`${stage} ${key}`)
    return {
      ...(await store.commit(work, { stage, version: 1, key, seconds: 1, input: settings, summary })),
      reused: false,
    }
  }
  return {
    computed,
    store,
    activities: {
      ...Object.fromEntries((Object.keys(stageSchemas) as StageName[]).map((stage) => [stage, activity(stage)])),
      checkNames: () => Promise.resolve([] as never),
    },
  }
}

const hostOn = (store: ArtifactStore, output: string) =>
  ({
    open: async (artifact) => (await store.open(artifact)).folder,
    manifest: async (artifact) => (await store.open(artifact)).manifest,
    output,
  }) as Partial<StageHost> as StageHost
