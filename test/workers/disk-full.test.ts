// A disk that fills up while a stage writes: a real one of a few megabytes.
import { execFileSync } from 'node:child_process'
import { mkdirSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { Artifact } from '../../src/contracts/artifact'
import type { RunStatus } from '../../src/contracts/status'
import { openSite, until } from '../site'
import { temporaryFolder, writeTinyFolder } from '../tiny-folder'

jest.setTimeout(180_000)

const disk = join(temporaryFolder(), 'disk')
mkdirSync(disk)
const mount = (...options: string[]) => execFileSync('mount', options, { stdio: 'ignore' })

function canMount(): boolean {
  try {
    mount('-t', 'tmpfs', '-o', 'size=9m', 'none', disk)
    return true
  } catch {
    return false // only root may mount
  }
}
const onSmallDisk = canMount() ? test : test.skip
afterAll(() => execFileSync('sh', ['-c', `umount ${disk} || true`], { stdio: 'ignore' }))

const input = {
  method: 'sft',
  model: writeTinyFolder(),
  data: { limit: 10, evaluationPrompts: 4 },
  limits: { responseTokens: 6 },
  sft: { batchSize: 1, checkpointEvery: 1 },
}
const filesIn = (folder: string) =>
  (readdirSync(folder, { recursive: true }) as string[]).filter((name) => statSync(join(folder, name)).isFile())

onSmallDisk(
  'a full disk parks the run at once with a message; nothing half written counts; with space it resumes',
  async () => {
    const site = await openSite(disk)
    try {
      site.worker('workflow', 'label', 'gpu')
      const handle = await site.start('align', { ...input, judge: input.model }, 'full')
      const stages = async () => (await handle.query<RunStatus>('status')).stages
      const parked = await until(async () => (await stages()).find(({ state }) => state === 'parked'), 60)
      expect(parked.message).toMatch(
        /the disk that holds .*\/disk is full \(ENOSPC.*free some space, e\.g\. with `rlaif artifacts gc`, then retry/,
      )
      const store = join(disk, 'store')
      expect(
        filesIn(store).filter((name) => name.startsWith(`${parked.stage}/`) || /output-|partial/.test(name)),
      ).toEqual([])

      mount('-o', 'remount,size=200m', disk)
      await handle.executeUpdate('resolveFailure', { args: [{ action: 'retry' }] })
      await handle.result()
      const made = (await stages()).find(({ stage }) => stage === parked.stage)!.artifact as Artifact
      const undisturbed = await site.start('align', { ...input, judge: input.model, cache: 'off' }, 'undisturbed')
      await undisturbed.result()
      expect(
        (await undisturbed.query<RunStatus>('status')).stages.find(({ stage }) => stage === parked.stage)!.artifact!
          .sha256,
      ).toBe(made.sha256)
    } finally {
      await site.close()
    }
  },
)
