// Curves while they grow: what a training stage reports of each step, in a folder of the run that TensorBoard and
// others read while the stage runs. A step is written once: a stage that was killed repeats steps, which are there
// already.
import { appendFileSync, existsSync, mkdirSync, readFileSync, truncateSync } from 'node:fs'
import { join } from 'node:path'
import { readCurve, STEPS_FILE, type CurveRow } from '../curve-file'
import type { Metrics } from '../training/checkpoint'
import { appendStep, eventsIn, lastEventStep } from '../training/tensorboard'

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

/** Cuts off what a killed process left of a line. */
function cutAfterLastLine(file: string): void {
  if (!existsSync(file)) return
  const bytes = readFileSync(file)
  const end = bytes.lastIndexOf(10) + 1
  if (end < bytes.length) truncateSync(file, end)
}
