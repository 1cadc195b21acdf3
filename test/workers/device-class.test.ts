// Devices of different classes: a run names the task queue of the class it needs.
import type { Artifact } from '../../src/contracts/artifact'
import { openSite, until, type Site } from '../site'
import { writeTinyFolder } from '../tiny-folder'

jest.setTimeout(120_000)

let site: Site
beforeAll(async () => {
  site = await openSite()
  site.worker('workflow', 'label')
})
afterAll(() => site.close())

test('a run that asks for a class of devices waits for one of that class, and is computed there', async () => {
  site.worker('gpu')
  const model = writeTinyFolder()
  const handle = await site.start(
    'sample',
    {
      policy: model,
      data: { limit: 4, evaluationPrompts: 1 },
      limits: { responseTokens: 4 },
      queues: { gpu: 'rlaif-gpu-h100' },
    },
    'for-an-h100',
  )
  const waiting = () =>
    handle
      .describe()
      .then(({ raw }) => raw.pendingActivities?.find(({ activityType }) => activityType?.name === 'sample'))
  const pending = await until(waiting, 30)
  expect(pending.lastStartedTime ?? null).toBeNull()
  site.workerArguments(['--gpu-queue', 'rlaif-gpu-h100'], 'gpu')
  expect(((await handle.result()) as Artifact).summary).toMatchObject({ pairs: 3 })
})
