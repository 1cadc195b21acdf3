// Runs in MLflow, by its REST interface: https://mlflow.org/docs/latest/api_reference/rest-api.html
//
// A run is found by a tag. What it has already is asked before each update: the last step of each metric, tags and
// parameters. A metric of a step that is there is not sent again, whoever sent it.
import { readFileSync } from 'node:fs'
import { z } from 'zod'
import type { MlflowSettings } from '../contracts/track'
import { flatSettings, numbersIn, type TrackedRun, type TrackedStage, type Tracker } from './tracker'

/** Sends a request. @returns the JSON of the answer @throws when there is none, or its status is no success */
export type Ask = (method: 'GET' | 'POST' | 'PUT', path: string, body?: object | Buffer) => Promise<unknown>

/** The interface, below the address of the server. */
const API = 'api/2.0/mlflow'
const ARTIFACTS = 'api/2.0/mlflow-artifacts/artifacts'
/** MLflow takes so many in one request. */
const METRICS_AT_ONCE = 1000
const PARAMS_AT_ONCE = 100
const TAGS_AT_ONCE = 100
/** Older servers refuse longer values. */
const LONGEST_PARAM = 500
const LONGEST_TAG = 5000

const RUN_TAG = 'rlaif.run'
const keyTag = (stage: string) => `rlaif.key.${stage}`

const named = z.object({ key: z.string(), value: z.string() })
const runSchema = z.object({
  info: z.object({
    run_id: z.string(),
    artifact_uri: z.string().optional(),
    status: z.string().optional(),
    start_time: z.coerce.number().optional(),
  }),
  data: z
    .object({
      metrics: z.array(z.object({ key: z.string(), step: z.coerce.number().default(0) })).default([]),
      params: z.array(named).default([]),
      tags: z.array(named).default([]),
    })
    .default({ metrics: [], params: [], tags: [] }),
})
type MlflowRun = z.infer<typeof runSchema>

interface Metric {
  key: string
  value: number
  timestamp: number
  step: number
}
type Named = z.infer<typeof named>

export const openMlflow = ({ experiment }: Pick<MlflowSettings, 'experiment'>, ask: Ask): Tracker => ({
  remembers: true,
  async update(run) {
    const found = await findOrCreate(ask, experiment, run)
    await addMissing(ask, found, run)
    await sendReports(ask, found, run)
    const status = { running: 'RUNNING', finished: 'FINISHED', failed: 'FAILED' }[run.state]
    if (found.info.status !== status)
      await ask('POST', `${API}/runs/update`, {
        run_id: found.info.run_id,
        status,
        ...(status !== 'RUNNING' && { end_time: Date.now() }),
      })
  },
})

// ---- The run

async function findOrCreate(ask: Ask, experiment: string, run: TrackedRun): Promise<MlflowRun> {
  const id = await experimentId(ask, experiment)
  const found = await runsOf(ask, id, run)
  if (found.length > 0) return oldest(found)
  await ask('POST', `${API}/runs/create`, {
    experiment_id: id,
    run_name: run.id,
    start_time: Date.now(),
    tags: [
      { key: RUN_TAG, value: run.execution },
      { key: 'mlflow.source.name', value: 'rlaif' },
    ],
  })
  const all = await runsOf(ask, id, run)
  const kept = oldest(all)
  // another worker may have made one at the same time: both keep the same one
  for (const other of all)
    if (other !== kept) await ask('POST', `${API}/runs/delete`, { run_id: other.info.run_id }).catch(() => {})
  return kept
}

function oldest(runs: readonly MlflowRun[]): MlflowRun {
  const order = ({ info }: MlflowRun) => `${String(info.start_time ?? 0).padStart(16, '0')} ${info.run_id}`
  const [first] = [...runs].sort((a, b) => (order(a) < order(b) ? -1 : 1))
  if (!first) throw new Error('mlflow: the run that was just made is not found')
  return first
}

async function runsOf(ask: Ask, experiment: string, { execution }: TrackedRun): Promise<MlflowRun[]> {
  const answer = await ask('POST', `${API}/runs/search`, {
    experiment_ids: [experiment],
    filter: `tags.\`${RUN_TAG}\` = '${execution.replaceAll("'", '')}'`,
    max_results: 10,
  })
  return z.object({ runs: z.array(runSchema).default([]) }).parse(answer).runs
}

async function experimentId(ask: Ask, name: string): Promise<string> {
  const byName = () => ask('GET', `${API}/experiments/get-by-name?experiment_name=${encodeURIComponent(name)}`)
  const found = await byName().catch((error: unknown) => {
    if ((error as { status?: number }).status === 404) return undefined
    throw error
  })
  if (found !== undefined)
    return z.object({ experiment: z.object({ experiment_id: z.string() }) }).parse(found).experiment.experiment_id
  const made = await ask('POST', `${API}/experiments/create`, { name }).catch((error: unknown) => {
    if ((error as { status?: number }).status === 400) return undefined // another worker was faster
    throw error
  })
  if (made === undefined) return experimentId(ask, name)
  return z.object({ experiment_id: z.string() }).parse(made).experiment_id
}

// ---- What it gets

async function addMissing(ask: Ask, { info, data }: MlflowRun, { stages }: TrackedRun): Promise<void> {
  const tags = new Map(data.tags.map(({ key, value }) => [key, value]))
  const [known, latest] = [new Set(data.params.map(({ key }) => key)), lastSteps(data.metrics)]
  const missing = { metrics: [] as Metric[], params: [] as Named[], tags: [] as Named[] }
  for (const tracked of stages) {
    const name = nameOf(tracked, tags)
    for (const tag of tagsOf(tracked, name)) if (tags.get(tag.key) !== tag.value) missing.tags.push(tag)
    if (name === tracked.stage) tags.set(keyTag(name), tracked.key)
    for (const param of paramsOf(tracked, name)) if (!known.has(param.key)) missing.params.push(param)
    for (const metric of metricsOf(tracked, name))
      if (metric.step > (latest.get(metric.key) ?? -1)) missing.metrics.push(metric)
  }
  const log = (part: object) => ask('POST', `${API}/runs/log-batch`, { run_id: info.run_id, ...part })
  // tags first: they say whose metrics a name has
  for (const part of parts(missing.tags, TAGS_AT_ONCE)) await log({ tags: part })
  for (const part of parts(missing.params, PARAMS_AT_ONCE)) await log({ params: part })
  for (const part of parts(missing.metrics, METRICS_AT_ONCE)) await log({ metrics: part })
}

const lastSteps = (metrics: readonly { key: string; step: number }[]) =>
  new Map(metrics.map(({ key, step }) => [key, step]))

/** That of the stage; of other work of the same stage in one run, with its key. */
function nameOf({ stage, key }: TrackedStage, tags: ReadonlyMap<string, string>): string {
  const first = tags.get(keyTag(stage))
  return first === undefined || first === key ? stage : `${stage}-${key.slice(0, 6)}`
}

function tagsOf({ stage, key, artifact }: TrackedStage, name: string): Named[] {
  const digest = artifact && [
    { key: `rlaif.artifact.${name}`, value: `${artifact.uri} ${artifact.sha256}`.slice(0, LONGEST_TAG) },
  ]
  return [...(name === stage ? [{ key: keyTag(stage), value: key }] : []), ...(digest ?? [])]
}

const paramsOf = ({ settings }: TrackedStage, name: string): Named[] =>
  flatSettings(name, settings).map(([key, value]) => ({ key: allowed(key), value: value.slice(0, LONGEST_PARAM) }))

function metricsOf({ steps, artifact }: TrackedStage, name: string): Metric[] {
  const ofSteps = steps.flatMap(({ at, metrics: { step = 0, ...values } }) =>
    Object.entries(values).map(([key, value]) => ({ key: allowed(`${name}/${key}`), value, timestamp: at, step })),
  )
  const figures = artifact ? numbersIn(artifact.summary) : []
  return [
    ...ofSteps,
    ...figures.map(([key, value]) => ({ key: allowed(`${name}.${key}`), value, timestamp: artifact!.at, step: 0 })),
  ]
}

/** MLflow's names have letters, digits and a few signs. */
const allowed = (name: string) => name.replace(/[^\w\-. /]/g, '_').slice(0, 250)

function* parts<T>(all: readonly T[], size: number): Generator<T[]> {
  for (let at = 0; at < all.length; at += size) yield all.slice(at, at + size)
}

// ---- Reports

/** Uploads reports where the server takes files itself; elsewhere the run has their names alone. */
async function sendReports(ask: Ask, { info, data }: MlflowRun, { stages }: TrackedRun): Promise<void> {
  const uri = info.artifact_uri ?? ''
  if (!URL.canParse(uri) || !uri.startsWith('mlflow-artifacts:')) return
  const root = new URL(uri).pathname.replace(/^\//, '')
  for (const { stage, key, report } of stages) {
    const tag = `rlaif.report.${stage}`
    if (report === undefined || data.tags.some((one) => one.key === tag && one.value === key)) continue
    await ask('PUT', `${ARTIFACTS}/${root}/${stage}.html`, readFileSync(report))
    await ask('POST', `${API}/runs/set-tag`, { run_id: info.run_id, key: tag, value: key })
  }
}
