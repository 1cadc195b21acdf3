// Curves while they grow: what a training stage reports of each step, in a folder of the run that TensorBoard and others
// read while the stage runs. A step is written once: a stage that was killed repeats steps, which are there already.
import { appendFileSync, existsSync, mkdirSync, readFileSync, truncateSync } from 'node:fs'
import { join } from 'node:path'
import type { Metrics } from '../training/checkpoint'
import { appendStep, eventsIn, lastEventStep } from '../training/tensorboard'

/** A step and when it was first done, in milliseconds since 1970. */
export interface CurveRow {
  at: number
  metrics: Metrics
}

export const CURVES_FOLDER = 'curves'
const STEPS_FILE = 'steps.jsonl'

/** Where a run's curve of a stage is. @param home RLAIF_HOME @param key of the work */
export const curveFolder = (home: string, run: string, stage: string, key: string): string =>
  join(home, CURVES_FOLDER, run.replace(/[^\w.-]/g, '_').replace(/^\.+/, '_'), `${stage}-${key.slice(0, 8)}`)

/** @returns a function that writes a step; it does nothing for one that is there */
export function openLiveCurve(folder: string, stage: string): (metrics: Metrics) => void {
  mkdirSync(folder, { recursive: true })
  const [steps, events] = [join(folder, STEPS_FILE), eventsIn(folder)]
  const rows = readCurve(folder)
  let last = rows.at(-1)?.metrics.step ?? 0
  cutAfterLastLine(steps)
  const shown = lastEventStep(events)
  const show = ({ at, metrics }: CurveRow) => appendStep(events, stage, metrics, at / 1000)
  for (const row of rows) if (row.metrics.step! > shown) show(row)
  return (metrics) => {
    if (!(metrics.step! > last)) return
    last = metrics.step!
    const row: CurveRow = { at: Date.now(), metrics }
    appendFileSync(steps, `${JSON.stringify(row)}\n`)
    show(row)
  }
}

/** The steps so far, in order; of a line that is being written, nothing. */
export function readCurve(folder: string): CurveRow[] {
  const file = join(folder, STEPS_FILE)
  if (!existsSync(file)) return []
  const text = readFileSync(file, 'utf8')
  return text
    .slice(0, text.lastIndexOf('\n') + 1)
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as CurveRow)
}

/** Cuts off what a killed process left of a line. */
function cutAfterLastLine(file: string): void {
  if (!existsSync(file)) return
  const bytes = readFileSync(file)
  const end = bytes.lastIndexOf(10) + 1
  if (end < bytes.length) truncateSync(file, end)
}
