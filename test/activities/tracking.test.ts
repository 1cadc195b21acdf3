// What a tracker is told of a stage, against a stand-in for MLflow: each step once, whatever is killed or away, and
// without holding up or failing the stage. On a real server: studies/mlflow.mjs.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { MockActivityEnvironment } from '@temporalio/testing'
import { DefaultLogger } from '@temporalio/worker'
import { computeInChild, type Job } from '../../src/activities/child'
import { executeStage } from '../../src/activities/execute-stage'
import { openLiveCurve } from '../../src/activities/live-curve'
import { faultOfTrack } from '../../src/activities/tracker-of'
import { fileStore } from '../../src/artifacts/file-store'
import { parse } from '../../src/contracts/parse'
import type { StageResult } from '../../src/contracts/stages'
import { trackSchema, withoutTrack } from '../../src/contracts/track'
import { curveFolder } from '../../src/curve-file'
import { writeJsonl } from '../../src/json-lines'
import { startMlflow, type MlflowServer } from '../mlflow'
import { temporaryFolder } from '../tiny-folder'

jest.mock('../../src/activities/child')

const environment = { ...process.env }
let mlflow: MlflowServer
let home: string
/** Numbers of the steps that the child process does before it ends or is killed. */
let steps: number[]
let isKilled: boolean
/** What the child process waits for after its steps. */
let meanwhile: () => Promise<unknown>
beforeEach(async () => {
  mlflow = await startMlflow()
  home = temporaryFolder()
  ;[steps, isKilled, meanwhile] = [[1, 2, 3], false, () => Promise.resolve()]
})
afterEach(async () => {
  await mlflow.close()
  process.env = { ...environment }
})

const metricsOf = (step: number) => ({ step, loss: 1 / step, seconds: Math.random() })
jest.mocked(computeInChild).mockImplementation(async (_, { stage, output, run, key }: Job) => {
  const add = openLiveCurve(curveFolder(home, run, stage, key), stage)
  for (const step of steps) add(metricsOf(step))
  await meanwhile()
  if (isKilled) throw Object.assign(new Error('killed'), { name: 'Crashed' })
  writeJsonl(
    join(output, 'metrics.jsonl'),
    Array.from({ length: Math.max(...steps) }, (_, i) => metricsOf(i + 1)),
  )
  writeFileSync(join(output, 'model.safetensors'), 'w')
  return { summary: { steps: 3, loss: 0.25, algorithm: 'x' }, spent: undefined }
})

const store = () => fileStore(join(home, 'store'))
const made = async (stage: string) => {
  const key = 'a'.repeat(32)
  const work = await store().begin(stage, key)
  writeFileSync(join(work.output, 'file'), stage)
  return store().commit(work, { stage, version: 1, key, seconds: 1, input: {}, summary: { labels: 2 } })
}

/** Runs stage `reward-model` as its activity. */
async function train(seed: number, more: object = {}, execution = 'first'): Promise<StageResult> {
  const input = {
    policy: await made('model'),
    labels: [await made('label')],
    settings: { learningRate: 0.01 },
    seed,
    cache: 'use',
  }
  const track = { to: { mlflow: { url: mlflow.url, experiment: 'rlaif' } }, run: { id: 'align-1', execution } }
  const activity = new MockActivityEnvironment(
    { workflowExecution: { workflowId: 'align-1', runId: execution } },
    { logger: new DefaultLogger('ERROR') },
  )
  return activity.run(() =>
    executeStage({ store: store(), home, childProgram: '' }, 'reward-model', { ...input, track, ...more }),
  ) as Promise<StageResult>
}
const untold = () => readdirSync(join(home, 'tracking')).filter((name) => name.endsWith('.json'))
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))
const once = (metric: string) => mlflow.steps(metric).toSorted((a, b) => a - b)

test('curves, figures, settings and names of artifacts are told, and the track is no part of the key', async () => {
  const result = await train(1)
  expect(result.untracked).toBeUndefined()
  expect(mlflow.runs).toHaveLength(1)
  const [{ info, tags, params }] = mlflow.runs as [MlflowServer['runs'][0]]
  expect(info.status).toBe('FINISHED')
  expect(once('reward-model/loss')).toEqual([1, 2, 3])
  expect(once('reward-model.loss')).toEqual([0])
  expect(params.get('reward-model.learningRate')).toBe('0.01')
  expect(tags.get('rlaif.artifact.reward-model')).toBe(`${result.uri} ${result.sha256}`)
  expect(tags.get('rlaif.artifact.label')).toMatch(/\/label\/a+ /)
  expect(untold()).toEqual([])
  expect(await train(1, { track: undefined })).toMatchObject({ uri: result.uri, reused: true })
})

test('steps are told while they are done; a stage that was killed and resumed tells none twice', async () => {
  isKilled = true
  meanwhile = async () => {
    for (let tries = 0; tries < 100 && mlflow.steps('reward-model/loss').length < 3; tries++) await pause(100)
    expect(once('reward-model/loss')).toEqual([1, 2, 3])
    expect(mlflow.runs[0]!.info.status).toBe('RUNNING')
  }
  await expect(train(1)).rejects.toThrow('killed')
  ;[isKilled, steps, meanwhile] = [false, [2, 3, 4, 5], () => Promise.resolve()]
  await train(1)
  expect(once('reward-model/loss')).toEqual([1, 2, 3, 4, 5])
  expect(once('reward-model/seconds')).toEqual([1, 2, 3, 4, 5])
  expect(mlflow.runs).toHaveLength(1)
}, 30_000)

test('what was taken by a server whose answer was lost is not sent again', async () => {
  mlflow.fault = 'takes and drops'
  expect((await train(1)).untracked).toMatch(/MLflow could not be told yet \(.*1 failed attempt\)/)
  mlflow.fault = 'none'
  await train(2)
  expect(once('reward-model/loss')).toEqual([1, 2, 3])
  expect(mlflow.runs).toHaveLength(1)
})

test('an outage neither fails nor holds up a stage: it is said, and told at the end of a later one', async () => {
  mlflow.fault = 'busy'
  expect((await train(1)).untracked).toMatch(
    /MLflow could not be told yet \(MLflow answered 503: Service Unavailable; 1 failed attempt\); that is tried again, at the latest at the end of the next stage/,
  )
  mlflow.fault = 'silent'
  const started = Date.now()
  expect((await train(2)).untracked).toMatch(/has not answered yet/)
  expect(Date.now() - started).toBeLessThan(10_000)
  expect(untold()).toEqual(['first.json'])
  mlflow.fault = 'none'
  await train(3) // behind the request that was not answered
  for (let tries = 0; tries < 200 && untold().length > 0; tries++) await pause(100)
  const works = mlflow.runs[0]!.tags
  expect([...works.keys()].filter((key) => key.startsWith('rlaif.artifact.reward-model'))).toHaveLength(3)
  expect(untold()).toEqual([])
}, 60_000)

test('what the last stage of a run could not tell is told by the next stage of another run', async () => {
  mlflow.fault = 'busy'
  await train(1)
  expect(untold()).toEqual(['first.json'])
  mlflow.fault = 'none'
  await train(2, {}, 'second')
  for (let tries = 0; tries < 50 && untold().length > 0; tries++) await pause(100)
  expect(untold()).toEqual([])
  expect(mlflow.runs.map(({ tags }) => tags.get('rlaif.run')).toSorted()).toEqual(['first', 'second'])
})

test('a token is sent where the worker may send it, and stands in no file', async () => {
  const track = {
    to: { mlflow: { url: mlflow.url, experiment: 'rlaif', tokenEnv: 'TRACK_TOKEN' } },
    run: { id: 'align-1', execution: 'token' },
  }
  expect((await train(1, { track })).untracked).toMatch(/TRACK_TOKEN must not be sent to/)
  expect(faultOfTrack(track.to)).toMatch(/^track: the variable TRACK_TOKEN must not be sent/)
  process.env.RLAIF_ENDPOINTS = `${mlflow.url}=TRACK_TOKEN`
  expect(faultOfTrack(track.to)).toMatch(/names TRACK_TOKEN, which is not set in this worker's environment/)
  process.env.TRACK_TOKEN = 'a-secret-of-the-tracker'
  expect(faultOfTrack(track.to)).toBeUndefined()
  mlflow.fault = 'busy'
  const { untracked } = await train(2, { track })
  expect(mlflow.requests.at(-1)!.token).toBe('Bearer a-secret-of-the-tracker')
  expect(`${untracked} ${readFileSync(join(home, 'tracking', 'token.json'), 'utf8')}`).not.toMatch(/a-secret/)
})

test('files for `wandb sync` have every step once, written whole at each update', async () => {
  const track = { to: { wandb: { project: 'rlaif' } }, run: { id: 'align-1', execution: 'w' } }
  await train(1, { track })
  ;[steps] = [[3, 4]]
  await train(2, { track })
  const [folder, ...others] = readdirSync(join(home, 'wandb'))
  expect(others).toEqual([])
  const [file] = readdirSync(join(home, 'wandb', folder!)).filter((name) => name.endsWith('.wandb'))
  const text = readFileSync(join(home, 'wandb', folder!, file!), 'latin1')
  expect(text.slice(0, 4)).toBe(':W&B')
  const stepsOf = (name: string) =>
    [...text.matchAll(new RegExp(`${name}/step\\x82\\x01.(\\d)`, 'g'))].map(([, n]) => Number(n))
  expect(stepsOf('reward-model')).toEqual([1, 2, 3])
  expect(text).toMatch(/artifact\.reward-model/)
})

test('the setting is checked, and is no part of what reports have of a run', () => {
  expect(parse(trackSchema, { mlflow: { url: 'http://127.0.0.1:5000' } }, 'track')).toEqual({
    mlflow: { url: 'http://127.0.0.1:5000', experiment: 'rlaif' },
  })
  expect(() => parse(trackSchema, { mlflow: { url: 'http://user:secret@host:1/' } }, 'track')).toThrow()
  expect(() =>
    parse(trackSchema, { mlflow: { url: 'http://h', tokenEnv: 'hf_abcdefghijklmnopqrst' } }, 'track'),
  ).toThrow()
  const settings = { seed: 1, base: { track: { wandb: {} }, rl: { steps: 1 } }, track: { wandb: {} } }
  expect(withoutTrack(settings)).toEqual({ seed: 1, base: { rl: { steps: 1 } } })
})
