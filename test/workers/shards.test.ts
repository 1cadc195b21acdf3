// Stages in shards on real workers: the same bytes as from one worker, however many there are and whoever dies.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { WorkflowHandle } from '@temporalio/client'
import type { Artifact } from '../../src/contracts/artifact'
import type { RunStatus } from '../../src/contracts/status'
import { uniform } from '../../src/random'
import { ended, openSite, type Site } from '../site'
import { temporaryFolder, writeTinyFolder } from '../tiny-folder'

jest.setTimeout(300_000)

const model = writeTinyFolder()
const rows = join(temporaryFolder(), 'rows.jsonl')
writeFileSync(
  rows,
  Array.from({ length: 330 }, (_, i) => JSON.stringify({ prompt: `Question ${i}${'?'.repeat(i % 7)}` })).join('\n'),
)
const input = {
  ...{ task: 'helpful', method: 'rlaif', untilStage: 'reward-model', model, labeler: model },
  data: { path: rows, evaluationPrompts: 4 },
  limits: { responseTokens: 4 },
  rewardModel: { epochs: 1, batchSize: 64 },
  onFailure: 'fail',
}
const STAGES = ['sample', 'label', 'reward-model']

async function artifactsOf(handle: WorkflowHandle): Promise<Artifact[]> {
  await handle.result()
  const { stages } = await handle.query<RunStatus>('status')
  return STAGES.map((name) => stages.find(({ stage }) => stage === name)!.artifact!)
}
const digests = (artifacts: readonly Artifact[]) => artifacts.map(({ sha256 }) => sha256)
/** Figures of the content: not when it was asked, nor how many answers were known. */
const figures = (artifacts: readonly Artifact[]) =>
  artifacts.map(({ summary }) => ({ ...summary, reusedAnswers: 0, seconds: 0 }))

async function onSite<T>(workers: number, use: (site: Site) => Promise<T>): Promise<T> {
  const site = await openSite()
  try {
    site.worker('workflow', 'label')
    for (let i = 0; i < workers; i++) site.worker('gpu')
    return await use(site)
  } finally {
    await site.close()
  }
}

test('one worker, shards on two workers, other shards, and workers that are killed give the same bytes', async () => {
  const shards = (rows: number) => ({ ...input, shards: { rows } })
  const whole = await onSite(1, async (site) => artifactsOf(await site.start('align', shards(1_000_000), 'whole')))
  const small = await onSite(2, async (site) => artifactsOf(await site.start('align', shards(64), 'small')))
  expect(digests(small)).toEqual(digests(whole))
  expect(figures(small)).toEqual(figures(whole))

  const disturbed = await onSite(1, async (site) => {
    const handle = await site.start('align', shards(130), 'disturbed')
    let victim = site.worker('gpu')
    for (let kill = 0; kill < 3; kill++) {
      await new Promise((done) => setTimeout(done, 1500 + 2000 * uniform(['kill', kill])))
      await ended(victim, 'SIGKILL')
      victim = site.worker('gpu')
    }
    return artifactsOf(handle)
  })
  expect(digests(disturbed)).toEqual(digests(whole))
})
