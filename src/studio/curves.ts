// The curves of a run's stages: of a finished one from its artifact, of the one that trains from the file it appends
// to.
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { folderOf } from '../artifacts/open-store'
import { LOG_FILE } from '../artifacts/store'
import type { Artifact } from '../contracts/artifact'
import { latestCurveFolder, readCurve } from '../curve-file'
import { readJsonl } from '../json-lines'
import { stageCharts } from '../report/training-curves'
import type { RunView } from '../runs/run-view'
import type { Studio } from './studio'

type Row = Record<string, number>

/** More points than a chart has pixels only make it slow. */
const MOST_POINTS = 400
/** Charts of finished stages, which do not change, by URI of the artifact. */
const drawn = new Map<string, string[]>()
const MOST_DRAWN = 100

/** As SVG, in the order of the stages. */
export async function chartsOf(studio: Studio, { output, now }: RunView): Promise<string[]> {
  const finished = await Promise.all(
    output.stages.map(({ artifact }) => (artifact ? finishedCharts(studio, artifact) : [])),
  )
  const running = now.attempt === undefined ? [] : liveCharts(studio, output.id, now.attempt.activity)
  return [...finished.flat(), ...running]
}

/** On the machine of the worker that computes the stage, or one that shares its home. */
function liveCharts({ home }: Studio, run: string, stage: string): string[] {
  const folder = latestCurveFolder(home, run, stage)
  const metrics = folder === undefined ? [] : thinned(readCurve(folder).map((row) => row.metrics))
  return metrics.length === 0 ? [] : stageCharts({ stage, metrics, summary: {} })
}

async function finishedCharts({ home }: Studio, { uri, sha256, summary }: Artifact): Promise<string[]> {
  const key = `${uri} ${sha256}`
  const known = drawn.get(key)
  if (known) return known
  const folder = await folderOf(home, uri).catch(() => undefined) // it may be elsewhere, or cleared
  const metrics = folder === undefined ? [] : thinned(metricsIn(folder))
  const charts = metrics.length === 0 ? [] : stageCharts({ stage: stageIn(uri), metrics, summary })
  if (folder === undefined) return charts
  if (drawn.size >= MOST_DRAWN) drawn.delete(drawn.keys().next().value!)
  drawn.set(key, charts)
  return charts
}

/** An artifact's place is <store>/<stage>/<key>; runs may show its stage under another name. */
const stageIn = (uri: string): string => uri.replace(/\/$/, '').split('/').at(-2) ?? ''

const metricsSchema = z.record(z.string(), z.number())
function metricsIn(folder: string): Row[] {
  const file = join(folder, LOG_FILE)
  return existsSync(file) ? readJsonl(file, metricsSchema) : []
}

/** Every so many rows, and the last; rows with a validation stay, as they are few. */
function thinned(rows: readonly Row[]): Row[] {
  const every = Math.ceil(rows.length / MOST_POINTS)
  return rows.filter((row, i) => i % every === 0 || i === rows.length - 1 || row.validationReward !== undefined)
}
