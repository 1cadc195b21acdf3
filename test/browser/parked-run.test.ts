// What a researcher does in Temporal's UI, without a terminal: start a run, find it parked, fix it, and reset it later.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Browser, Page } from 'playwright-core'
import { isKnownFigure } from '../../src/contracts/figures'
import type { RunStatus } from '../../src/contracts/status'
import { openLocalStack, type LocalStack } from '../local-stack'
import { preferShorter, refusesKey, startEndpoint, type Endpoint } from '../feedback/endpoint'
import { writeTinyFolder } from '../tiny-folder'
import { inBrowser, openBrowser, picture } from './browser'

jest.setTimeout(360_000)

const RUN = 'fixed-in-the-browser'
const model = writeTinyFolder()
const input = {
  model,
  judge: model,
  data: { limit: 10, evaluationPrompts: 4 },
  limits: { responseTokens: 6 },
  sft: { batchSize: 4 },
  rewardModel: { epochs: 1, batchSize: 4 },
  rl: { steps: 3, batchSize: 4, minEntropy: 0 },
}

let stack: LocalStack
let refusing: Endpoint
let browser: Browser
let page: Page
let pages: string

async function open(): Promise<void> {
  stack = await openLocalStack()
  refusing = await startEndpoint(preferShorter, refusesKey)
  const { ui } = JSON.parse(readFileSync(join(stack.home, 'server.json'), 'utf8')) as { ui: string }
  pages = `${ui}/namespaces/default/workflows`
  browser = await openBrowser()
  page = await browser.newPage({ viewport: { width: 1300, height: 900 } })
}
afterAll(async () => {
  await browser?.close()
  await stack?.close()
  await refusing?.close()
})

const stages = async () => (await stack.client.workflow.getHandle(RUN).query<RunStatus>('status')).stages
/** The editor reformats JSON when it loses the focus, which moves the buttons below it. */
const write = async (editor: ReturnType<Page['getByRole']>, value: unknown) => {
  await editor.fill(JSON.stringify(value))
  await editor.blur()
}

async function startFromTheForm(): Promise<void> {
  await page.goto(`${pages}/start-workflow?workflowType=align&taskQueue=rlaif`)
  await page.getByText('Task Queue is Active').waitFor()
  await page.getByRole('textbox', { name: 'Workflow ID' }).fill(RUN)
  await write(page.getByRole('textbox', { name: 'Data' }), {
    ...input,
    labeler: { baseUrl: refusing.baseUrl, model: 'judge' },
  })
  await picture(page, 'ui-1-start')
  await page.getByRole('button', { name: 'Start Workflow' }).click()
}

/** Finds the run in the list of parked runs. */
async function findParked(): Promise<void> {
  await page.goto(`${pages}?query=${encodeURIComponent('RlaifStatus = "parked"')}`)
  const link = page.getByRole('link', { name: RUN, exact: true }).first()
  for (const end = Date.now() + 150_000; !(await link.isVisible()); await page.waitForTimeout(2000)) {
    if (Date.now() > end) throw new Error('the run is not in the list of parked ones')
    await page.reload()
  }
  await picture(page, 'ui-2-parked')
  await link.click()
  await page.getByRole('tab', { name: 'User Metadata' }).click()
  await page.frameLocator('iframe').getByText('label is parked.').waitFor()
  await picture(page, 'ui-3-what-failed')
}

async function retryWithOverrides(): Promise<void> {
  await page.getByRole('button', { name: 'More Actions' }).click()
  await page.getByRole('menuitem', { name: 'Send an Update' }).click()
  const dialog = page.getByRole('dialog', { name: 'Send an Update' })
  await dialog.getByRole('button', { name: 'Select an Update' }).click()
  await page.getByRole('option', { name: /^resolveFailure Resumes from a parked stage/ }).click()
  const data = dialog.getByRole('textbox', { name: 'Data' })

  await write(data, { action: 'retry', overrides: { labeler: { baseUrl: 'nowhere' } } })
  await dialog.getByRole('button', { name: 'Submit' }).click()
  await dialog.getByText('field "baseUrl" got "nowhere"').first().waitFor()
  await picture(page, 'ui-4-refused')

  await write(data, { action: 'retry', overrides: { labeler: model } })
  await dialog.getByRole('button', { name: 'Submit' }).click()
  await dialog.waitFor({ state: 'hidden' })
}

/** Resets the run to the start of a stage, by the event that the memo names. */
async function resetTo(stage: string): Promise<void> {
  const { memo } = await stack.client.workflow.getHandle(RUN).describe()
  const event = (memo as { resetPoints: Record<string, number> }).resetPoints[stage]!
  await page.getByRole('tab', { name: 'Memo' }).click()
  await page.getByText('resetPoints').waitFor()
  await page.getByRole('button', { name: 'Reset', exact: true }).click() // of a run that has ended
  const dialog = page.getByRole('dialog', { name: /^Reset/ })
  await dialog.getByRole('button').nth(1).click()
  await page.getByRole('option', { name: `${event} - WorkflowTaskCompleted` }).click()
  await dialog.getByRole('textbox', { name: 'Enter a reason' }).fill(`again from ${stage}`)
  await picture(page, 'ui-6-reset')
  await dialog.getByRole('button', { name: 'Confirm' }).click()
  await dialog.waitFor({ state: 'hidden' })
}

inBrowser(
  'a run whose labeler refuses its key is started, found by its status, fixed by an override and later reset, all in the UI',
  async () => {
    await open()
    await startFromTheForm()
    await findParked()
    await retryWithOverrides()
    await stack.client.workflow.getHandle(RUN).result()
    const first = await stages()
    expect(first.map(({ state }) => state)).not.toContain('parked')
    const figures = first.flatMap(({ artifact }) => Object.keys(artifact!.summary))
    expect(figures.filter((name) => !isKnownFigure(name))).toEqual([])
    expect(first.find(({ stage }) => stage === 'label')!.artifact!.summary.labeler).toMatch(/tiny/)
    await page.getByRole('tab', { name: 'Timeline' }).click()
    await page.getByText('Completed').first().waitFor()
    await picture(page, 'ui-5-completed')

    const { runId } = await stack.client.workflow.getHandle(RUN).describe()
    await resetTo('rl')
    const again = stack.client.workflow.getHandle(RUN)
    await again.result()
    expect((await again.describe()).runId).not.toBe(runId)
    const scheduled = async (run?: string) =>
      (await stack.client.workflow.getHandle(RUN, run).fetchHistory()).events!.flatMap(
        ({ activityTaskScheduledEventAttributes: a, eventTime }) =>
          a ? [{ stage: a.activityType!.name!, at: Number(eventTime!.seconds) }] : [],
      )
    const [earlier, after] = [await scheduled(runId), await scheduled()]
    const rerun = after
      .filter(({ stage, at }) => !earlier.some((old) => old.stage === stage && old.at === at))
      .map(({ stage }) => stage)
    expect(rerun).toEqual(['rl', 'choose', 'evaluate', 'report'])
    const now = await stages()
    const kept = now.filter(({ stage }) => !rerun.includes(stage))
    const before = first.filter(({ stage }) => !rerun.includes(stage))
    const told = (of: typeof now) => of.map(({ stage, state, artifact }) => ({ stage, state, artifact }))
    expect(told(kept)).toEqual(told(before))
    const apart = kept.map(({ seconds }, i) => Math.abs(seconds! - before[i]!.seconds!))
    expect(Math.max(...apart)).toBeLessThan(1) // a replay counts from event to event
    for (const { stage, state } of now.filter(({ stage }) => rerun.includes(stage)))
      expect([stage, state]).toEqual([stage, 'done']) // not taken from the store
  },
)
