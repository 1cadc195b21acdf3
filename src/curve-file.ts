// Curves of stages that still run, as the workers write them (activities/live-curve.ts) and others read them.
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'

/** A step and when it was first done, in milliseconds since 1970. */
export interface CurveRow {
  at: number
  metrics: Record<string, number>
}

export const CURVES_FOLDER = 'curves'
export const STEPS_FILE = 'steps.jsonl'

/** Where a run's curve of a stage is. @param home RLAIF_HOME @param key of the work */
export const curveFolder = (home: string, run: string, stage: string, key: string): string =>
  join(home, CURVES_FOLDER, run.replace(/[^\w.-]/g, '_').replace(/^\.+/, '_'), `${stage}-${key.slice(0, 8)}`)

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

/**
 * Where the curve of a run's stage is whose key is not known: of several, as after a retry with other settings, the one that
 * was written last.
 */
export function latestCurveFolder(home: string, run: string, stage: string): string | undefined {
  const folder = join(curveFolder(home, run, stage, ''), '..')
  if (!existsSync(folder)) return undefined
  const timeOf = (name: string) => statSync(join(folder, name, STEPS_FILE), { throwIfNoEntry: false })?.mtimeMs ?? 0
  const names = readdirSync(folder).filter((name) => name.replace(/-\w+$/, '') === stage)
  const [latest] = names.sort((a, b) => timeOf(b) - timeOf(a))
  return latest === undefined ? undefined : join(folder, latest)
}
