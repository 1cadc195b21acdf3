// What the tracker of a run is still to be told: a file for each run in the home of this worker, which outlives it.
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { lineageOf, type Made } from '../artifacts/lineage'
import { LOG_FILE, type ArtifactStore } from '../artifacts/store'
import { isRecord } from '../contracts/overlay'
import { stageTrackSchema, type StageTrack } from '../contracts/track'
import { curveFolder, readCurve, type CurveRow } from '../curve-file'
import { readJsonl } from '../json-lines'
import { redactAll } from '../secrets'
import type { TrackedRun, TrackedStage, Tracker } from '../tracking/tracker'
import { trackerOf } from './tracker-of'

const workSchema = z.object({
  stage: z.string(),
  key: z.string(),
  /** Once it has ended. */
  artifact: z.object({ uri: z.string(), sha256: z.string() }).optional(),
})
type Work = z.infer<typeof workSchema>
const fileSchema = z.object({ track: stageTrackSchema, works: z.array(workSchema) })

/** Where this worker finds artifacts, and keeps what it notes. */
export interface TrackingEnvironment {
  store: ArtifactStore
  home: string
}

export interface Untold {
  add(work: Work): void
  /** Tells all that is noted of the run, and forgets of it what has ended. */
  tell(tracker: Tracker, state: TrackedRun['state']): Promise<void>
  /** Tells what is left of other runs, until a tracker fails. */
  tellOthers(): Promise<void>
  /** The stage is over: what could not be told of it is left to the others. */
  close(): void
}

/** A stage that is computed notes every few seconds that it is; one that did not for so long was given up. */
const LEFT_MS = 10 * 60_000

/** Stages in progress in this process, by the file of their run. */
const inUse = new Map<string, number>()

export function openUntold(environment: TrackingEnvironment, track: StageTrack): Untold {
  const folder = join(environment.home, 'tracking')
  const file = join(folder, `${track.run.execution.replace(/[^\w-]/g, '_')}.json`)
  inUse.set(file, (inUse.get(file) ?? 0) + 1)
  return {
    add(work) {
      mkdirSync(folder, { recursive: true })
      write(file, { track, works: [...worksIn(file).filter(({ key }) => key !== work.key), work] })
    },
    async tell(tracker, state) {
      const works = worksIn(file)
      await tracker.update(await runOf(environment, track, works, state))
      if (!tracker.remembers) return
      const left = worksIn(file).filter((one) => !works.some(({ key, artifact }) => key === one.key && artifact))
      if (left.length > 0) write(file, { track, works: left })
      else rmSync(file, { force: true })
    },
    async tellOthers() {
      for (const name of readdirSync(folder).filter((one) => one.endsWith('.json'))) {
        const other = join(folder, name)
        if (other === file || inUse.has(other)) continue
        const { track: of, works } = fileSchema.parse(JSON.parse(readFileSync(other, 'utf8')))
        const tracker = trackerOf(of.to, environment.home)
        const isOpen = works.some(({ artifact }) => !artifact)
        if (!tracker.remembers || (isOpen && Date.now() - statSync(other).mtimeMs < LEFT_MS)) continue
        await tracker.update(await runOf(environment, of, works, isOpen ? 'failed' : 'finished'))
        rmSync(other, { force: true })
      }
    },
    close() {
      const left = inUse.get(file)! - 1
      if (left > 0) inUse.set(file, left)
      else inUse.delete(file)
    },
  }
}

const worksIn = (file: string): Work[] =>
  existsSync(file) ? fileSchema.parse(JSON.parse(readFileSync(file, 'utf8'))).works : []

function write(file: string, content: z.infer<typeof fileSchema>): void {
  const partial = `${file}.partial-${process.pid}`
  writeFileSync(partial, JSON.stringify(content))
  renameSync(partial, file)
}

// ---- What the tracker is told

async function runOf(
  { store, home }: TrackingEnvironment,
  { run }: StageTrack,
  works: readonly Work[],
  state: TrackedRun['state'],
): Promise<TrackedRun> {
  const ended = await lineageOf(
    store,
    works.flatMap(({ artifact }) => artifact ?? []),
  )
  const stages = await Promise.all(ended.map((made) => endedStage(made, { store, home, run: run.id })))
  const open = works.flatMap(({ stage, key, artifact }): TrackedStage[] =>
    artifact ? [] : [{ stage, key, steps: readCurve(curveFolder(home, run.id, stage, key)) }],
  )
  return redactAll({ ...run, state, stages: [...stages, ...open] })
}

const metricsSchema = z.record(z.string(), z.number())

async function endedStage(
  { uri, manifest }: Made,
  { store, home, run }: Pick<TrackingEnvironment, 'store' | 'home'> & { run: string },
): Promise<TrackedStage> {
  const { stage, key, created, input, summary, sha256 } = manifest
  const { folder } = await store.open({ uri, sha256 }, 'text')
  const at = Date.parse(created)
  const [file, report] = [join(folder, LOG_FILE), join(folder, 'report.html')]
  const live = readCurve(curveFolder(home, run, stage, key))
  const all = existsSync(file) ? readJsonl(file, metricsSchema) : []
  return {
    ...{ stage, key, steps: stepsOf(all, live, at), settings: settingsOf(input) },
    artifact: { uri, sha256, summary, at },
    ...(existsSync(report) && { report }),
  }
}

/** As they were told while they were done; those that this worker did not see, at the end. */
function stepsOf(all: readonly Record<string, number>[], live: readonly CurveRow[], at: number): CurveRow[] {
  const seen = new Map(live.map((row) => [row.metrics.step, row]))
  return all.map((metrics) => seen.get(metrics.step!) ?? { at, metrics })
}

/** A stage's input without artifacts, and its own settings without a name in front. */
function settingsOf(input: unknown): unknown {
  if (!isRecord(input)) return undefined
  const { settings, ...others } = input
  return { ...withoutArtifacts(others), ...(isRecord(settings) && settings) }
}

function withoutArtifacts(fields: Record<string, unknown>): Record<string, unknown> {
  const kept = Object.entries(fields).filter(
    ([, value]) => !Array.isArray(value) && !(isRecord(value) && 'uri' in value && 'sha256' in value),
  )
  return Object.fromEntries(kept.map(([name, value]) => [name, isRecord(value) ? withoutArtifacts(value) : value]))
}
