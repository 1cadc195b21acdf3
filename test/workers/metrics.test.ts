// What Prometheus scrapes from a worker.
import { freePort } from '../dev-server'
import { openSite, until, type Site } from '../site'
import { writeTinyFolder } from '../tiny-folder'

jest.setTimeout(120_000)

let site: Site
beforeAll(async () => {
  site = await openSite()
})
afterAll(() => site.close())

test('a run is measured: stages, durations, rates, training metrics and queue waits, without its name', async () => {
  const port = await freePort()
  site.workerArguments(['--metrics', `127.0.0.1:${port}`], 'workflow', 'label', 'gpu')
  const model = writeTinyFolder()
  const input = {
    method: 'direct-rlaif',
    model,
    labeler: model,
    judge: model,
    task: 'harmless',
    data: { limit: 8, evaluationPrompts: 2 },
    limits: { responseTokens: 4 },
    rl: { steps: 3, batchSize: 2, minEntropy: 0, candidates: 0 },
  }
  await (await site.start('align', input, 'measured-run')).result()
  await (await site.start('align', input, 'measured-again')).result()
  const text = await until(async () => {
    const body = await fetch(`http://127.0.0.1:${port}/metrics`).then(
      (response) => response.text(),
      () => '',
    )
    return body.includes('rlaif_stages_total{stage="rl",outcome="reused"} 1') ? body : undefined
  }, 20)
  const value = (name: string, ...labels: string[]) =>
    Number(
      text
        .split('\n')
        .find((line) => line.startsWith(`${name}{`) && labels.every((label) => line.includes(label)))
        ?.split(' ')
        .at(-1),
    )
  expect(value('rlaif_stages_total', 'stage="rl"', 'outcome="computed"')).toBe(1)
  expect(value('rlaif_stages_total', 'stage="rl"', 'outcome="reused"')).toBe(1)
  expect(value('rlaif_stage_duration_seconds_count', 'stage="rl"')).toBe(1)
  expect(value('rlaif_stage_queue_wait_seconds_count', 'stage="rl"')).toBe(2)
  expect(value('rlaif_training', 'stage="rl"', 'metric="kl"')).not.toBeNaN()
  expect(value('rlaif_training', 'stage="rl"', 'metric="reward"')).not.toBeNaN()
  expect(value('rlaif_stage_progress', 'stage="rl"')).toBe(1)
  expect(text).toMatch(/temporal_activity_schedule_to_start_latency/)
  expect(text).not.toContain('measured-run')
})
