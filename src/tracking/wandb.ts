// Runs for Weights & Biases, as folders that `wandb sync` uploads. W&B's own client for Node was given up, and a run of its
// service can be written by one process at a time; so the file is written whole each time, and a step is in it once.
import { copyFileSync, existsSync, mkdirSync, readdirSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { WandbSettings } from '../contracts/track'
import type { Field } from '../protobuf'
import { digestOf } from '../digest'
import { largest, smallest } from '../extremes'
import { numbersIn, type TrackedRun, type TrackedStage, type Tracker } from './tracker'
import {
  axisRecord,
  exitRecord,
  filesRecord,
  headerRecord,
  historyRecord,
  recordFile,
  runRecord,
  summaryRecord,
} from './wandb-records'

/** @param folder in which each run gets one of its own */
export const openWandb = (settings: WandbSettings, folder: string): Tracker => ({
  remembers: false, // a file is written whole
  update(run) {
    if (run.stages.length > 0) write(settings, folder, run)
    return Promise.resolve()
  },
})

/** W&B's ID of a run: the same at every update. */
const idOf = ({ execution }: TrackedRun) => digestOf(execution).slice(0, 12)

function write(settings: WandbSettings, folder: string, run: TrackedRun): void {
  const id = idOf(run)
  const home = join(folder, folderOf(run, folder))
  mkdirSync(join(home, 'files'), { recursive: true })
  const reports = run.stages.flatMap(({ stage, report }) =>
    report === undefined ? [] : [{ name: `${stage}.html`, report }],
  )
  for (const { name, report } of reports) copyFileSync(report, join(home, 'files', name))
  const file = join(home, `run-${id}.wandb`)
  const partial = `${file}.partial-${process.pid}`
  writeFileSync(
    partial,
    recordFile(
      recordsOf(
        settings,
        run,
        reports.map(({ name }) => name),
      ),
    ),
  )
  renameSync(partial, file)
}

/** The one that the run has, else one with the time of its start. */
function folderOf(run: TrackedRun, folder: string): string {
  const end = `-${idOf(run)}`
  const there = existsSync(folder) ? readdirSync(folder).find((name) => name.endsWith(end)) : undefined
  const time = new Date(startOf(run))
    .toISOString()
    .replace(/[-:]|\..*/g, '')
    .replace('T', '_')
  return there ?? `offline-run-${time}${end}`
}

/** The first that is known of it; stays when more is. */
const startOf = ({ stages }: TrackedRun): number =>
  smallest(stages.map(({ steps, artifact }) => steps[0]?.at ?? artifact?.at ?? Date.now()))

function recordsOf({ project, entity }: WandbSettings, run: TrackedRun, files: readonly string[]): Field[] {
  const started = startOf(run)
  const named = run.stages.map((stage) => ({ ...stage, name: nameIn(stage, run.stages) }))
  const config = Object.fromEntries(
    named.flatMap(({ name, settings }) => (settings === undefined ? [] : [[name, settings] as const])),
  )
  const history = named.flatMap(({ name, steps }) =>
    steps.map(({ at, metrics }) => ({
      ...prefixed(name, metrics),
      _timestamp: at / 1000,
      _runtime: Math.max(0, (at - started) / 1000),
    })),
  )
  const ended = largest(named.map(({ steps, artifact }) => artifact?.at ?? steps.at(-1)?.at ?? started))
  return [
    headerRecord(),
    runRecord({ id: idOf(run), project, entity, name: run.id, started, config }),
    ...named.flatMap(({ name, steps }) => axes(name, Object.keys(steps[0]?.metrics ?? {}))),
    ...history.map((values, i) => historyRecord(i, values)),
    summaryRecord({ ...history.at(-1), ...Object.fromEntries(named.flatMap(figuresOf)) }),
    ...(files.length > 0 ? [filesRecord(files)] : []),
    exitRecord(run.state === 'failed' ? 1 : 0, Math.round((ended - started) / 1000)),
  ]
}

/** That of the stage; of other work of the same stage in one run, with its key. */
const nameIn = ({ stage, key }: TrackedStage, all: readonly TrackedStage[]) =>
  all.find((one) => one.stage === stage)!.key === key ? stage : `${stage}-${key.slice(0, 6)}`

const prefixed = (name: string, metrics: Record<string, number>) =>
  Object.fromEntries(Object.entries(metrics).map(([metric, value]) => [`${name}/${metric}`, value]))

const axes = (name: string, metrics: readonly string[]): Field[] =>
  metrics.filter((metric) => metric !== 'step').map((metric) => axisRecord(`${name}/${metric}`, `${name}/step`))

function figuresOf({ name, artifact }: TrackedStage & { name: string }): [string, unknown][] {
  if (!artifact) return []
  const figures = numbersIn(artifact.summary).map(([figure, value]): [string, unknown] => [`${name}.${figure}`, value])
  return [...figures, [`artifact.${name}`, `${artifact.uri} ${artifact.sha256}`]]
}
