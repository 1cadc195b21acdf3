// A run from the editor to its report: a mistake explained as it is typed, curves that grow, a parked stage, the way on.
import type { Page } from 'playwright-core'
import { workflowSchemas, type WorkflowName } from '../../../src/contracts/workflow-inputs'
import { checkInput } from '../../../src/runs/check-input'
import { examplesOf } from '../../../src/studio/examples'
import { preferShorter, refusesKey, startEndpoint } from '../../feedback/endpoint'
import { writeTinyFolder } from '../../tiny-folder'
import { barriers, inAllLooks, type StudioUnderTest } from './open-studio'

const RUN = 'from-the-studio'
const model = writeTinyFolder()
const INPUT = {
  model,
  judge: model,
  data: { limit: 10, evaluationPrompts: 4 },
  limits: { responseTokens: 6 },
  sft: { batchSize: 4 },
  rewardModel: { epochs: 1, batchSize: 4 },
  rl: { steps: 60, batchSize: 4, minEntropy: 0, checkpointEvery: 1000 },
}

export function startToEndTests(studio: () => StudioUnderTest): void {
  let page: Page
  let input: object
  const editor = () => page.getByRole('textbox', { name: 'Input, as JSON' })
  const write = async (text: string) => {
    await editor().fill(text)
    await page.waitForTimeout(100)
  }

  test('every example can be started as it is', () => {
    for (const workflow of Object.keys(workflowSchemas) as WorkflowName[])
      for (const { input } of examplesOf(workflow))
        if (!('preset' in input && workflow === 'sweep')) expect(checkInput(workflow, input)).toMatch(/\w/)
  })

  test('the editor completes and explains fields, and says what is wrong where it is, before anything is started', async () => {
    page = await studio().open('/start')
    await write('{"rl": {"steps": "many"}}')
    await page.getByRole('status').getByText('field "rl.steps" got "many"').waitFor()
    expect(await page.getByRole('button', { name: 'Start', exact: true }).isDisabled()).toBe(true)
    await page.locator('.cm-lintRange-error').waitFor()
    expect(await barriers(page)).toEqual([])
    await write('{"rl": {"klW')
    await page.keyboard.press('Control+Space')
    await page.locator('.cm-tooltip-autocomplete').getByText('klWeight').waitFor()
    await page.getByText('Weight β of the KL penalty').waitFor()
    await page.waitForTimeout(500) // for a moment after its list has changed, the editor takes Enter for a new line
    await page.keyboard.press('Enter')
    await page.keyboard.press('Escape')
    expect(await editor().textContent()).toContain('"klWeight": 0.05')
  })

  test('a sweep is tried without being started', async () => {
    const sweep = await studio().open('/start?workflow=sweep')
    await sweep.getByRole('button', { name: /KL/ }).first().click()
    await sweep.getByText(/\d+ trials, \d+ at a time; nothing is started yet/).waitFor()
    await sweep.context().close()
    await inAllLooks(studio(), '/start?workflow=sweep', 'start', '.cm-editor')
  })

  test('a run is started, parks, is told what it cannot take, goes on, is seen growing, and ends: all on one page', async () => {
    const refusing = await startEndpoint(preferShorter, refusesKey)
    input = { ...INPUT, labeler: { baseUrl: refusing.baseUrl, model: 'judge' } }
    await write(JSON.stringify(input))
    await page.getByRole('textbox', { name: 'ID of the run' }).fill(RUN)
    const start = page.getByRole('button', { name: 'Start', exact: true })
    await page.getByRole('status').getByText(/rlaif/i).first().waitFor()
    await start.click()
    await page.waitForURL(`**/runs/${RUN}`)
    await page.evaluate('globalThis.sameDocument = true')
    await page.getByRole('heading', { name: 'label is parked' }).waitFor({ timeout: 200_000 })
    await refusing.close()
    expect(await page.evaluate('globalThis.sameDocument')).toBe(true)
    expect(await barriers(page)).toEqual([])
    await inAllLooks(studio(), '/', 'list-parked', `#parked-${RUN} button.main`)
    await inAllLooks(studio(), `/runs/${RUN}`, 'parked', '.parked-box')

    const settings = page.getByRole('textbox', { name: /Other settings/ })
    await settings.fill('{"labeler": {"baseUrl": "nowhere"}}')
    await page.getByRole('button', { name: 'Retry' }).click()
    await page.getByRole('alert').getByText('field "baseUrl" got "nowhere"').waitFor()
    expect(await settings.inputValue()).toBe('{"labeler": {"baseUrl": "nowhere"}}')
    await settings.fill(JSON.stringify({ labeler: model }))
    await page.getByRole('button', { name: 'Retry' }).click()
    await page.waitForURL(`**/runs/${RUN}`)

    await page.evaluate('globalThis.sameDocument = true')
    await page.locator('.charts svg', { hasText: 'RL: KL' }).waitFor({ timeout: 200_000 })
    const chart = `[...document.querySelectorAll('.charts svg')].find((svg) => svg.textContent.includes('RL: KL')).innerHTML`
    const first = await page.evaluate(chart)
    for (const end = Date.now() + 120_000; (await page.evaluate(chart)) === first; await page.waitForTimeout(500))
      if (Date.now() > end) throw new Error('the curve has not grown')
    await page.locator('.facts .completed').waitFor({ timeout: 200_000 })
    await page.getByRole('link', { name: 'report' }).waitFor()
    expect(await page.evaluate('globalThis.sameDocument')).toBe(true)
    await inAllLooks(studio(), `/runs/${RUN}`, 'run', '.charts svg')
    await page.getByRole('link', { name: 'report' }).click()
    await page.getByRole('heading', { level: 1 }).waitFor()
    await page.context().close()
  })

  test('its input is laid beside that of another run, and is where the next one starts from', async () => {
    const other = { ...input, rl: { ...INPUT.rl, steps: 4 } }
    const options = { taskQueue: 'nobody', workflowId: 'beside', args: [other] }
    await (await studio().stack.client.workflow.start('align', options)).terminate()
    await inAllLooks(studio(), `/runs/${RUN}/input?beside=beside`, 'input', 'tr.changed')
    const compared = await studio().open(`/runs/${RUN}/input?beside=beside`)
    expect(await compared.locator('tr.changed').allTextContents()).toEqual([
      expect.stringMatching(/rl\.steps\s+60\s*4/),
    ])
    await compared.goto(`${studio().studio}/runs/${RUN}/input`)
    await compared.getByRole('link', { name: 'Start another from this run' }).click()
    expect(await compared.getByRole('textbox', { name: 'Input, as JSON' }).textContent()).toContain('"steps": 60')
    await compared.context().close()
  })

  test('no text of a run is taken for a part of the page', async () => {
    const hostile = '"><script>globalThis.hacked = 1</script><img src=x onerror="globalThis.hacked = 1">'
    await studio()
      .stack.client.workflow.start('align', { taskQueue: 'rlaif', workflowId: hostile, args: [{ method: hostile }] })
      .then((run) => run.result())
      .catch(() => undefined)
    for (const path of ['/', `/runs/${encodeURIComponent(hostile)}`]) {
      const shown = await studio().open(path)
      await shown.getByText('<script>').first().waitFor()
      await shown.waitForTimeout(500)
      expect(await shown.evaluate('globalThis.hacked')).toBeUndefined()
      await shown.context().close()
    }
    await inAllLooks(studio(), '/', 'list', 'table.rows')
  })
}
