// Workers of several machines, each with its own files, that share nothing but Temporal and a bucket of a real S3
// server.
import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync, rmSync } from 'node:fs'
import { join, resolve } from 'node:path'
import type { WorkflowHandle } from '@temporalio/client'
import { openBucket } from '../../src/artifacts/bucket'
import type { Artifact } from '../../src/contracts/artifact'
import type { RunStatus } from '../../src/contracts/status'
import { scoreByLength, startHoldingEndpoint, type Endpoint } from '../feedback/endpoint'
import { startS3Server, type S3Server } from '../s3-server'
import { ended, openSite, running, until, type Site } from '../site'
import { temporaryFolder, writeTinyFolder } from '../tiny-folder'

jest.setTimeout(300_000)

const model = writeTinyFolder()
const inputWith = ({ baseUrl }: Endpoint) => ({
  task: 'harmless',
  method: 'direct-rlaif',
  model,
  labeler: { baseUrl, model: 'length' },
  judge: model,
  data: { limit: 12, evaluationPrompts: 4 },
  limits: { responseTokens: 6 },
  rl: {
    ...{ steps: 16, batchSize: 4, checkpointEvery: 2, validateEvery: 2, validationPrompts: 2, candidates: 2 },
    minEntropy: 0,
  },
})

/** More questions than the probe and three validations need, and fewer than all steps do. */
const MOST_ANSWERED = 76
let endpoint: Awaited<ReturnType<typeof startHoldingEndpoint>>
let server: S3Server
let site: Site
let store: string
beforeAll(async () => {
  endpoint = await startHoldingEndpoint(scoreByLength, MOST_ANSWERED)
  server = await startS3Server()
  store = `${await server.newBucket()}/team`
  Object.assign(process.env, server.env)
  site = await openSite()
})
afterAll(async () => {
  await site.close()
  await server.close()
  await endpoint.close()
})

async function rlOf(handle: WorkflowHandle): Promise<Artifact> {
  await handle.result()
  return (await handle.query<RunStatus>('status')).stages.find(({ stage }) => stage === 'rl')!.artifact!
}

test('if a machine is lost with its disk after its third validation, another goes on from the newest checkpoint, with the same bytes; a third has the report', async () => {
  const homes = ['light', 'gpu-1', 'gpu-2'].map((name) => join(temporaryFolder(), name))
  const environment = (home: string) => ({ ...server.env, RLAIF_HOME: home, RLAIF_STORE: store })
  site.workerWith(environment(homes[0]!), 'workflow', 'label')
  const first = site.workerWith(environment(homes[1]!), 'gpu')
  const input = inputWith(endpoint)
  const handle = await site.start('align', input, 'lost')
  const bucket = openBucket(store)
  const newest = await until(async () => {
    const keys = (await bucket.list('work/')).map(({ key }) => key)
    const steps = keys.flatMap((key) => /^work\/rl-\w+\/step-(\d+)\.index\.json$/.exec(key)?.[1] ?? [])
    const validations = keys.filter((key) => /\/candidates\/validation-\d+\.json$/.test(key))
    return validations.length >= 3 && steps.length > 0 ? Math.max(...steps.map(Number)) : undefined
  })
  expect((await running(handle))?.pid).toBe(first.pid)
  await ended(first, 'SIGKILL')
  endpoint.release()
  rmSync(homes[1]!, { recursive: true, force: true })
  const second = site.workerWith(environment(homes[2]!), 'gpu')

  const rl = await rlOf(handle)
  expect(rl.uri).toMatch(/^s3:\/\/bucket-\d+\/team\/rl\//)
  expect(Number(rl.summary.resumedAt)).toBeGreaterThanOrEqual(newest)
  expect((await bucket.list('work/')).map(({ key }) => key)).toEqual([])
  await ended(second, 'SIGTERM')

  const alone = await openSite()
  alone.worker('workflow', 'label', 'gpu')
  expect((await rlOf(await alone.start('align', input, 'alone'))).sha256).toBe(rl.sha256)
  await alone.close()

  const laptop = join(temporaryFolder(), 'laptop')
  const command = [resolve(__dirname, '..', '..', 'dist', 'cli', 'main.js'), 'report', 'lost']
  const report = execFileSync(process.execPath, command, {
    encoding: 'utf8',
    env: { ...process.env, ...environment(laptop), TEMPORAL_ADDRESS: site.address }, // no store but its own is opened
    stdio: ['ignore', 'pipe', 'ignore'],
  }).trim()
  expect(report.startsWith(laptop)).toBe(true)
  expect(readFileSync(report, 'utf8')).toContain('direct-rlaif')
  expect(
    (readdirSync(homes[0]!, { recursive: true }) as string[]).filter(
      (name) => name.endsWith('.safetensors') && name.includes('store/rl/'),
    ),
  ).toEqual([])
})
