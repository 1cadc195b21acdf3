// The child process killed by SIGKILL at random moments of an RL run, and started again each time as the worker would.
import { fork } from 'node:child_process'
import { mkdirSync, readdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import type { Job } from '../../src/activities/child'
import { readSources } from '../../src/activities/sources'
import { fileStore } from '../../src/artifacts/file-store'
import type { Artifact, Summary } from '../../src/contracts/artifact'
import { parse } from '../../src/contracts/parse'
import { stageSchemas, type StageName } from '../../src/contracts/stages'
import { fileDigest } from '../../src/digest'
import { uniform } from '../../src/random'
import { temporaryFolder, writeTinyFolder } from '../tiny-folder'

const CHILD = resolve(__dirname, '..', '..', 'dist', 'workers', 'child-main.js')
const KILLS = 10

interface Message {
  type: 'progress' | 'done' | 'failed'
  message?: string
  summary?: Summary
}

/** When a child is killed: after a number of milliseconds, counted from its first sign of work or its first checkpoint. */
interface Kill {
  afterMs: number
  from: 'work' | 'checkpoint'
}

const newestStep = (checkpoints: string) =>
  Math.max(0, ...readdirSync(checkpoints).map((name) => Number(/^step-(\d+)$/.exec(name)?.[1] ?? 0)))

/** @returns the stage's figures, or undefined when the child was killed first; any other end without them fails */
function runChild(job: Omit<Job, 'asker' | 'trace'>, kill?: Kill): Promise<Summary | undefined> {
  mkdirSync(job.checkpoints, { recursive: true })
  const before = newestStep(job.checkpoints)
  return new Promise((done, fail) => {
    const child = fork(CHILD, [], { stdio: ['ignore', 'ignore', 'ignore', 'ipc'], serialization: 'advanced' })
    let outcome: (() => void) | undefined
    let isKilled = false
    let isWorking = false
    let timer: NodeJS.Timeout | undefined
    const killInTime = ({ afterMs, from }: Kill) => {
      if (from === 'work' ? !isWorking : newestStep(job.checkpoints) <= before) return
      clearInterval(timer)
      timer = setTimeout(() => (isKilled = child.kill('SIGKILL')), afterMs)
    }
    if (kill) timer = setInterval(() => killInTime(kill), 5)
    child.on('message', ({ type, summary, message }: Message) => {
      if (type === 'progress') isWorking = true
      if (type === 'done') outcome = () => done(summary)
      if (type === 'failed') outcome = () => fail(new Error(message))
    })
    child.on('exit', () => {
      clearTimeout(timer)
      outcome ??= isKilled
        ? () => done(undefined)
        : () => fail(new Error(`${job.stage}: the child ended without a result`))
      outcome()
    })
    child.send({ ...job, asker: { run: 'run', work: job.stage }, trace: {} } satisfies Job)
  })
}

const home = temporaryFolder()
const store = fileStore(join(home, 'store'))

async function made(stage: StageName, given: object): Promise<Artifact> {
  const input: unknown = parse(stageSchemas[stage] as never, given, stage)
  const work = await store.begin(stage, stage)
  const { sources } = await readSources(stage, input as object)
  const summary = await runChild({ stage, input, home, key: stage, run: 'r', sources, ...work })
  return store.commit(work, { stage, version: 1, key: stage, seconds: 0, input, summary: summary! })
}

async function digests(folder: string): Promise<Record<string, string>> {
  const names = (readdirSync(folder, { recursive: true }) as string[])
    .filter((name) => name.endsWith('.safetensors') || name.endsWith('candidates.json'))
    .sort()
  return Object.fromEntries(await Promise.all(names.map(async (name) => [name, await fileDigest(join(folder, name))])))
}

test(`an RL run killed ${KILLS} times ends with the weights and the candidates of an undisturbed one`, async () => {
  const model = await made('model', { spec: writeTinyFolder() })
  const limits = { promptTokens: 256, responseTokens: 6 }
  const data = await made('data', { task: 'summarization', data: { limit: 12, evaluationPrompts: 4 }, limits, model })
  const input: unknown = parse(
    stageSchemas.rl,
    {
      policy: model,
      data,
      labeler: { settings: { model: 'default' }, model },
      limits,
      settings: { steps: 40, batchSize: 4, learningRate: 1e-3, checkpointEvery: 2, validateEvery: 3 },
    },
    'rl',
  )
  const workIn = (name: string, attempt: number) => {
    const work = {
      output: join(home, name, `output-${attempt}`),
      checkpoints: join(home, name, 'checkpoints'),
      writer: `${name}-${attempt}`,
    }
    mkdirSync(work.output, { recursive: true })
    return work
  }
  const quiet = workIn('undisturbed', 0)
  const started = Date.now()
  await runChild({ stage: 'rl', input, home, key: 'rl', run: 'r', sources: {}, ...quiet })
  const whole = Date.now() - started
  let kills = 0
  let summary: Summary | undefined
  let work = quiet
  // every second attempt is killed after a checkpoint, so that the ten together get on, however fast the machine is
  const killOf = (attempt: number): Kill => ({
    afterMs: (whole / 40) * uniform(['kill', attempt]),
    from: attempt % 2 === 0 ? 'work' : 'checkpoint',
  })
  for (let attempt = 0; !summary; attempt++) {
    work = workIn('disturbed', attempt)
    const job = { stage: 'rl' as const, input, home, key: 'rl', run: 'r', sources: {}, ...work }
    summary = await runChild(job, kills < KILLS ? killOf(attempt) : undefined)
    if (!summary) kills++
  }
  expect(kills).toBe(KILLS)
  expect(Number(summary.resumedAt)).toBeGreaterThan(0)
  expect(await digests(work.output)).toEqual(await digests(quiet.output))
  const curve = (folder: string) =>
    readFileSync(join(folder, 'metrics.jsonl'), 'utf8')
      .split('\n')
      .filter(Boolean)
      .map((line) => (JSON.parse(line) as { rawReward: number }).rawReward)
  expect(curve(work.output)).toEqual(curve(quiet.output))
}, 300_000)
