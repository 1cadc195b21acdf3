// What a tracker is told of a run, whichever it is. Everything is told anew each time, and the tracker adds what is
// missing there: nothing depends on what an earlier process, which may have been killed, got across.
import type { Summary } from '../contracts/artifact'
import type { CurveRow } from '../curve-file'

export interface TrackedStage {
  stage: string
  /** Of its work: another key is other work of the same stage. */
  key: string
  steps: readonly CurveRow[]
  settings?: unknown
  /** Once it has ended. */
  artifact?: { uri: string; sha256: string; summary: Summary; at: number }
  /** The file of a report. */
  report?: string
}

export interface TrackedRun {
  /** Workflow ID. */
  id: string
  /** Of its first execution: a run of the same ID that is started anew is another one. */
  execution: string
  state: 'running' | 'finished' | 'failed'
  /** In the order in which they ran. */
  stages: readonly TrackedStage[]
}

export interface Tracker {
  /** Whether it keeps what it was told: then a later update need not say it again. */
  remembers: boolean
  /** Adds what is missing. @throws when the tracker cannot be reached or refuses it */
  update(run: TrackedRun): Promise<void>
}

/** Settings by dotted names, as "rl.learningRate", and as text. */
export function flatSettings(stage: string, settings: unknown): [name: string, value: string][] {
  if (typeof settings !== 'object' || settings === null || Array.isArray(settings))
    return settings === undefined ? [] : [[stage, typeof settings === 'string' ? settings : JSON.stringify(settings)]]
  return Object.entries(settings).flatMap(([name, value]) => flatSettings(`${stage}.${name}`, value))
}

/** The numbers among a stage's figures. */
export const numbersIn = (summary: Summary): [name: string, value: number][] =>
  Object.entries(summary).filter(
    (entry): entry is [string, number] => typeof entry[1] === 'number' && Number.isFinite(entry[1]),
  )
