// The setting `engine`: what it does to keys and queues, and the messages of what does not fit.
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { keyOf } from '../../src/artifacts/store'
import { computeOnRay, type WorkOnRay } from '../../src/activities/on-ray/compute'
import type { StageHost } from '../../src/activities/stage'
import { algorithmFault, engineSchema, onEngine, withoutPlace, type RaySettings } from '../../src/contracts/engine'
import { alignSchema } from '../../src/contracts/align-input'
import { parse } from '../../src/contracts/parse'
import { queuesSchema } from '../../src/contracts/queues'
import { stageSchemas } from '../../src/contracts/stages'
import { jobFailure } from '../../src/ray/job-failure'
import { queueOf } from '../../src/workflows/queues'
import { temporaryFolder } from '../tiny-folder'

const model = { uri: 'file:///store/model/0123456789abcdef', sha256: '0'.repeat(64), bytes: 1, summary: {} }
const ray = (more: object = {}) => parse(engineSchema, { ray: { address: 'http://head:8265', ...more } }, 'engine')
const sftOn = (engine: object) =>
  parse(stageSchemas.sft, { model, data: model, limits: {}, settings: {}, ...engine }, 'sft')
const queues = parse(queuesSchema, {}, 'queues')

test('the default leaves inputs and keys as they were before there were engines', () => {
  expect(alignSchema.parse({})).not.toHaveProperty('engine')
  expect(onEngine('tfjs')).toEqual({})
  expect(keyOf('sft', 3, withoutPlace(sftOn(onEngine('tfjs'))))).toBe(keyOf('sft', 3, sftOn({})))
})

test('a key holds how the engine computes, not where the cluster is nor how it is entered', () => {
  const key = (more: object) => keyOf('sft', 3, withoutPlace(sftOn(onEngine(ray(more)))))
  expect(key({})).not.toBe(keyOf('sft', 3, sftOn({})))
  expect(key({ address: 'http://other:8265', tokenEnv: 'RAY_TOKEN' })).toBe(key({}))
  expect(key({ workers: 2 })).not.toBe(key({}))
  expect(key({ precision: 'float32' })).not.toBe(key({}))
})

test('a job elsewhere is waited for on the queue of endpoints; one of this machine takes its device', () => {
  expect(queueOf('sft', sftOn({}), queues)).toBe('rlaif-gpu')
  expect(queueOf('sft', sftOn(onEngine(ray())), queues)).toBe('rlaif-label')
  expect(queueOf('sft', sftOn(onEngine(ray({ address: 'local' }))), queues)).toBe('rlaif-gpu')
})

test('bad settings are refused by name', () => {
  expect(() => ray({ address: 'http://user:pw@head:8265' })).toThrow(/engine.*address.*must not contain a user/s)
  expect(() => ray({ address: 'local', tokenEnv: 'RAY_TOKEN' })).toThrow(/has no meaning for "local"/)
  expect(() => ray({ tokenEnv: 'hf_abcdefghijklmnopqrstuvwx' })).toThrow(/looks like a key/)
  expect(algorithmFault(ray(), 'reinforce')).toMatch(/Set rl.algorithm to "rloo"/)
  expect(algorithmFault(ray(), 'grpo')).toMatch(/"grpo", which only the embedded engine computes/)
  expect(algorithmFault('tfjs', 'reinforce')).toBeUndefined()
})

describe('a server that is no Ray, or wants a token', () => {
  let server: Server
  let address: string
  let answer: { status: number; body: string }
  beforeAll(async () => {
    server = createServer((_, response) => response.writeHead(answer.status).end(answer.body))
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
    address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  })
  afterAll(() => void server.close())

  const started = (settings: Partial<RaySettings> = {}) => {
    const host = { checkpoints: temporaryFolder(), key: '0'.repeat(32), handleInterruption: () => () => false }
    const { engine } = sftOn(onEngine(ray({ address, ...settings })))
    const model = { folder: '/model', adapters: [], stopIds: [2] }
    const work: WorkOnRay = { stage: 'sft', engine: engine!.ray, seed: 1, settings: {}, more: {}, model, rows: {} }
    return computeOnRay(work, host as Partial<StageHost> as StageHost)
  }

  test.each([
    [{ status: 200, body: '<html>a page</html>' }, /is not the dashboard of a Ray cluster.*engine\.ray\.address/s],
    [{ status: 401, body: 'no' }, /wants a token \(401\).*engine\.ray\.tokenEnv/s],
  ])('%j', async (given, message) => {
    answer = given
    await expect(started()).rejects.toThrow(message)
  })

  test('a token goes only where the operator lets it, and must be there', async () => {
    await expect(started({ tokenEnv: 'RAY_TOKEN' })).rejects.toThrow(/RLAIF_ENDPOINTS/)
    process.env.RLAIF_ENDPOINTS = `${address}=RAY_TOKEN`
    await expect(started({ tokenEnv: 'RAY_TOKEN' })).rejects.toThrow(/RAY_TOKEN, which is not set on this worker/)
    process.env.RAY_TOKEN = 'a token of the test'
    answer = { status: 403, body: '' }
    await expect(started({ tokenEnv: 'RAY_TOKEN' })).rejects.toThrow(/refused the token \(403\)/)
    delete process.env.RAY_TOKEN
    delete process.env.RLAIF_ENDPOINTS
  })

  test('a precision of the embedded engine is refused by the field that was set', async () => {
    const given = (stage: WorkOnRay['stage']) =>
      computeOnRay({ stage, settings: { precision: 'bfloat16' } } as unknown as WorkOnRay, {} as StageHost)
    await expect(given('rl')).rejects.toThrow(
      /"rl\.precision" is for the embedded engine; set "engine\.ray\.precision"/,
    )
    await expect(given('reward-model')).rejects.toThrow(/"rewardModel\.precision"/)
    await expect(given('respond')).rejects.toThrow(/"evaluate\.precision"/)
  })

  test('an address of cloud metadata is not asked', async () => {
    await expect(started({ address: 'http://169.254.169.254' })).rejects.toThrow(/cloud metadata/)
  })
})

describe('why a job has failed', () => {
  const job = { stage: 'sft', id: 'rlaif-sft-1', place: 'the cluster at http://head:8265', folder: '/shared/work' }
  test.each([
    ["ModuleNotFoundError: No module named 'trl'", 'InvalidInput', /lacks the Python package trl: install/],
    ['/usr/bin/python: No module named rlaif_ray', 'InvalidInput', /does not see the folder \/shared\/work: mount/],
    ['sh: 1: python: not found', 'InvalidInput', /has no command "python"/],
    ['torch.OutOfMemoryError: CUDA out of memory. Tried', 'OutOfMemory', /does not fit.*microBatchSize/],
    ['ray.exceptions.OutOfMemoryError: Task was killed', 'OutOfMemory', /does not fit/],
    ['ActorDiedError: The actor died unexpectedly', 'NodeLost', /resumes from the last checkpoint/],
    ["ValueError: Target modules {'q_proj'} not found in the base model.", 'InvalidInput', /lora\.targets; set it/],
    ['ValueError: something else', 'JobFailed', /ValueError: something else/],
  ])('%s', (log, name, message) => {
    const failure = jobFailure(job, undefined, `first line\n${log}`)
    expect(failure.name).toBe(name)
    expect(failure.message).toMatch(message)
  })

  test('an error of the program that would come again is told from one that may not', () => {
    const failed = { name: 'ValueError', message: 'heads do not divide the width' }
    expect(jobFailure(job, { failed: { ...failed, final: true } }, '')).toMatchObject({
      name: 'ProgramFailed',
      message: expect.stringMatching(/heads do not divide the width.*would fail again/),
    })
    expect(jobFailure(job, { failed }, '').name).toBe('JobFailed')
  })

  test('a training that diverged says so in its own words', () => {
    const said = { failed: { name: 'Diverged', message: 'training: loss became nan at step 3' } }
    expect(jobFailure(job, said, '')).toMatchObject({ name: 'Diverged', message: said.failed.message })
  })
})
