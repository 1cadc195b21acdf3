// All nights of a schedule side by side: what each run found, which failed, and where settings changed. What is read is
// the server's list, the result of each run and the files of its report; no history is read whole.
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { WorkflowExecutionInfo } from '@temporalio/client'
import { defineSearchAttributeKey } from '@temporalio/common'
import { z } from 'zod'
import { readManifest } from '../artifacts/file-store'
import type { Artifact } from '../contracts/artifact'
import type { RunState } from '../contracts/command-output'
import { isRecord } from '../contracts/overlay'
import { readJsonFile } from '../data/task'
import { adjustedMeans } from '../evaluation/seed-means'
import { tTest } from '../evaluation/student'
import type { Connected } from '../runs/connection'
import { reasonOf } from '../runs/reason'
import { artifact, reportOf } from '../runs/results'
import { stateOf } from '../runs/run-view'
import { isMarkedParked, LATEST, quoted } from '../runs/started-runs'

/** A figure of one night. */
export interface NightFigure {
  value: number
  /** 95 % interval over seeds, or that of the figure itself; NaN where there is none. */
  low: number
  high: number
  /** Seeds, or trials without any. */
  n: number
}

export interface Night {
  run: string
  runId: string
  state: RunState
  /** The time it was scheduled for, which a backfill sets, or when it started. */
  at: Date
  /** Where its report is; a run without one has none. */
  report?: Artifact | undefined
  figure?: NightFigure | undefined
  /** Names of all figures that it has. */
  figures: string[]
  trials?: Record<'done' | 'failed' | 'skipped', number> | undefined
  /** Paths of the settings that differ from those of the night before with a report. */
  changed: string[]
  /** Why it failed, or why its report cannot be read. */
  problem?: string | undefined
}

export interface Nights {
  /** By time. */
  nights: Night[]
  /** The figure that is shown: the one asked for, or the metric of the latest sweep. */
  metric?: string | undefined
  /** All that a night has. */
  metrics: string[]
  /** How many earlier runs there are that were not read. */
  earlier: number
}

export const MOST_NIGHTS = 400
const AT_ONCE = 16
const KEPT_RUNS = 1000

/** What the studio needs of the store: a folder with the files of an artifact. */
type OpenFolder = (uri: string) => Promise<string>

/** Reads the nights of schedules; what a closed run has found does not change, and is kept. */
export function openNights(open: OpenFolder) {
  const kept = new Map<string, Promise<Found>>()
  const foundOf = (client: Connected['client'], run: WorkflowExecutionInfo): Promise<Found> => {
    const known = kept.get(run.runId) ?? readFound(client, run, open)
    if (run.status.name !== 'RUNNING') kept.set(run.runId, known)
    if (kept.size > KEPT_RUNS) kept.delete(kept.keys().next().value!)
    void known.then(({ problem }) => problem !== undefined && kept.delete(run.runId)) // it may be over the next time
    return known
  }
  return async function nightsOf(
    { client }: Pick<Connected, 'client'>,
    schedule: string,
    metric?: string,
  ): Promise<Nights> {
    const { runs, earlier } = await runsOf(client, schedule)
    const found = await inParallel(runs, (run) => foundOf(client, run))
    const shown = metric ?? found.findLast(({ metric }) => metric !== undefined)?.metric
    const nights = runs.map((run, i): Night => {
      const { settings, figureOf, metric: _, ...rest } = found[i]!
      const before = found.slice(0, i).findLast(({ settings }) => settings !== undefined)?.settings
      return {
        ...{ run: run.workflowId, runId: run.runId, at: timeOf(run), ...rest },
        state: stateOf(run.status.name, isMarkedParked(run.typedSearchAttributes)),
        figure: shown === undefined ? undefined : figureOf(shown),
        changed: before && settings ? changedPaths(before, settings) : [],
      }
    })
    const metrics = [...new Set(found.flatMap(({ figures }) => figures))].sort()
    return { nights, metrics, earlier, ...(shown !== undefined && { metric: shown }) }
  }
}

// ---- Runs

const SCHEDULED = defineSearchAttributeKey('TemporalScheduledStartTime', 'DATETIME')

const timeOf = ({ typedSearchAttributes, startTime }: WorkflowExecutionInfo): Date =>
  typedSearchAttributes.get(SCHEDULED) ?? startTime

/** The latest runs by time; of a night that was run again the last. */
async function runsOf(client: Connected['client'], schedule: string) {
  const query = `TemporalScheduledById = ${quoted(schedule)} AND ${LATEST}`
  const latest = new Map<string, WorkflowExecutionInfo>()
  for await (const run of client.workflow.list({ query, pageSize: MOST_NIGHTS })) {
    if (latest.size === MOST_NIGHTS) break
    const known = latest.get(run.workflowId)
    if (!known || known.startTime < run.startTime) latest.set(run.workflowId, run)
  }
  const runs = [...latest.values()].sort((a, b) => timeOf(a).getTime() - timeOf(b).getTime())
  const { count } = runs.length < MOST_NIGHTS ? { count: runs.length } : await client.workflow.count(query)
  return { runs, earlier: Math.max(0, count - runs.length) }
}

async function inParallel<T, R>(items: readonly T[], work: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = []
  let next = 0
  const takeNext = async () => {
    while (next < items.length) {
      const i = next++
      results[i] = await work(items[i]!)
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, takeNext))
  return results
}

// ---- What a run has found

interface Found extends Pick<Night, 'report' | 'figures' | 'trials' | 'problem'> {
  metric?: string | undefined
  settings?: Record<string, unknown> | undefined
  figureOf(metric: string): NightFigure | undefined
}

const NOTHING: Found = { figures: [], figureOf: () => undefined }

async function readFound(client: Connected['client'], run: WorkflowExecutionInfo, open: OpenFolder): Promise<Found> {
  if (run.status.name === 'RUNNING') return NOTHING
  try {
    const result: unknown = await client.workflow.getHandle(run.workflowId, run.runId).result()
    const report = isRecord(result) ? reportOf(result) : undefined
    if (!report) return foundIn(result, undefined)
    return await foundInReport(result, report, open).catch((error: unknown) => ({
      ...foundIn(result, report),
      problem: `its report cannot be read: ${reasonOf(error)}`,
    }))
  } catch (error) {
    return { ...NOTHING, problem: reasonOf(error) }
  }
}

/** Of any workflow: the figures of the artifacts in its result, each with the interval beside it. */
function foundIn(result: unknown, report: Artifact | undefined): Found {
  const figures = new Map<string, number>()
  const add = (stage: string, given: unknown) => {
    for (const [name, value] of Object.entries(artifact(given)?.summary ?? {}))
      if (typeof value === 'number') figures.set(`${stage}.${name}`, value)
  }
  if (isRecord(result)) {
    for (const [stage, given] of Object.entries(isRecord(result.stages) ? result.stages : {})) add(stage, given)
    add(report?.uri.split('/').at(-2) ?? 'report', report)
  }
  const own = artifact(result)
  if (own) add(own.uri.split('/').at(-2) ?? '', own)
  return {
    report,
    figures: [...figures.keys()].filter((name) => !/(Low|High)$/.test(name)),
    metric: [...MAIN_FIGURES, ...figures.keys()].find((name) => figures.has(name)),
    figureOf(name) {
      const value = figures.get(name)
      const [low = NaN, high = NaN] = [figures.get(`${name}Low`), figures.get(`${name}High`)]
      return value === undefined ? undefined : { value, low, high, n: 1 }
    },
  }
}
const MAIN_FIGURES = ['evaluate.winRate', 'study.agreement', 'reward-model.accuracy', 'rl.lastReward']

const sweptSchema = z.object({
  metric: z.string(),
  trials: z.array(
    z.object({
      levels: z.record(z.string(), z.string()),
      seed: z.number(),
      state: z.enum(['done', 'failed', 'skipped']),
      figures: z.record(z.string(), z.number().nullable()),
    }),
  ),
})

async function foundInReport(result: unknown, report: Artifact, open: OpenFolder): Promise<Found> {
  const folder = await open(report.uri)
  const { input } = readManifest(folder)
  const settings = isRecord(input) && isRecord(input.settings) ? { settings: input.settings } : {}
  const file = join(folder, 'sweep.json')
  if (!existsSync(file)) return { ...foundIn(result, report), ...settings }
  const { metric, trials } = readSwept(file)
  const count = (wanted: string) => trials.filter(({ state }) => state === wanted).length
  const means = new Map([[metric, meanOf(trials, metric)]])
  return {
    ...{ report, metric, ...settings },
    figures: [...new Set(trials.flatMap(({ figures }) => Object.keys(figures)))],
    trials: { done: count('done'), failed: count('failed'), skipped: count('skipped') },
    figureOf(name) {
      // the trials of hundreds of nights do not stay in memory
      if (!means.has(name)) means.set(name, meanOf(readSwept(file).trials, name))
      return means.get(name)
    },
  }
}

const readSwept = (file: string) => sweptSchema.parse(readJsonFile(file))

/** As in the report: trials of one seed share data, models and prompts, so they count once. */
function meanOf(trials: z.output<typeof sweptSchema>['trials'], metric: string): NightFigure | undefined {
  const cells = trials.flatMap(({ levels, seed, figures }) => {
    const value = figures[metric]
    const settings = JSON.stringify(Object.entries(levels).sort(([a], [b]) => (a < b ? -1 : 1)))
    return typeof value === 'number' ? [{ seed: String(seed), settings, value }] : []
  })
  if (cells.length === 0) return undefined
  const { value, low, high, n } = tTest([...adjustedMeans(cells).bySeed.values()])
  return { value, low, high, n }
}

// ---- Changes of settings

/** Paths of the fields in which two settings differ, in the order of the later. */
export function changedPaths(before: unknown, now: unknown, path = ''): string[] {
  if (isRecord(before) && isRecord(now)) {
    const names = [...new Set([...Object.keys(now), ...Object.keys(before)])]
    return names.flatMap((name) => changedPaths(before[name], now[name], path === '' ? name : `${path}.${name}`))
  }
  return JSON.stringify(before) === JSON.stringify(now) ? [] : [path]
}
