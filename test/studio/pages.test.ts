// Responses and labelled pairs in a real browser: artifacts as stages write them, from hostile data, over real HTTP. Of
// Temporal there is only what the pages ask for: the result of the run.
import { cpSync, writeFileSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import type { Server } from 'node:http'
import { join } from 'node:path'
import type { Browser, BrowserContextOptions, Page } from 'playwright-core'
import { data as dataStage } from '../../src/activities/stages/data'
import { label } from '../../src/activities/stages/label'
import { sample } from '../../src/activities/stages/sample'
import { fileStore } from '../../src/artifacts/file-store'
import type { Artifact } from '../../src/contracts/artifact'
import type { Connected } from '../../src/runs/connection'
import { openStudio } from '../../src/studio/server'
import { computeStage } from '../activities/compute-stage'
import { openBrowser, whenThereIsABrowser } from '../browser/browser'
import { inAllLooks, type StudioUnderTest } from '../browser/studio/open-studio'
import { preferShorter, startEndpoint } from '../feedback/endpoint'
import { temporaryFolder, writeTinyFolder } from '../tiny-folder'
import { HOSTILE, writtenValidations } from './written-validations'

jest.setTimeout(240_000)

const folderOf = ({ uri }: Pick<Artifact, 'uri'>) => uri.slice('file://'.length)

/** Labels of pairs whose prompts and responses are hostile. */
async function writtenLabels(baseUrl: string) {
  const model = { uri: `file://${writeTinyFolder()}`, sha256: '0'.repeat(64), bytes: 1, summary: {} }
  const path = join(temporaryFolder(), 'rows.jsonl')
  const rows = Array.from({ length: 30 }, (_, i) => ({
    prompt: `Post ${i}`,
    responses: [`yes ${i} ${HOSTILE}`, `no, never ${i}`],
    preferred: 1 + (i % 2),
  }))
  writeFileSync(path, rows.map((row) => JSON.stringify(row)).join('\n'))
  const limits = { responseTokens: 8 }
  const source = { path, evaluationPrompts: 2 }
  const data = await computeStage(dataStage, 'data', { task: 'helpful', data: source, limits, model })
  const samples = await computeStage(sample, 'sample', { data, policy: model, limits, settings: { source: 'data' } })
  const labeler = { settings: { baseUrl, model: 'judge', retries: 0 } }
  return { data, labels: await computeStage(label, 'label', { data, samples, labeler }) }
}

async function stored(home: string, stage: string, folder: string, summary = {}): Promise<Artifact> {
  const store = fileStore(join(home, 'store'))
  const work = await store.begin(stage, '0'.repeat(32))
  cpSync(folder, work.output, {
    recursive: true,
    filter: (file) => !/checkpoints|\/store/.test(file.slice(folder.length)),
  })
  return store.commit(work, { stage, version: 1, key: '0'.repeat(32), seconds: 1, input: {}, summary })
}

const RUN = 'texts-to-read'

whenThereIsABrowser('the texts of a run', () => {
  let server: Server
  let browser: Browser
  let studio: Pick<StudioUnderTest, 'open' | 'studio'>
  beforeAll(async () => {
    const endpoint = await startEndpoint((prompt, body) =>
      prompt.includes('Response 1 - ')
        ? preferShorter(prompt, body)
        : { [String(3 + (prompt.length % 7))]: 0.9, '2': 0.1 },
    )
    const home = temporaryFolder()
    const validations = await writtenValidations(endpoint)
    const { data, labels } = await writtenLabels(endpoint.baseUrl)
    await endpoint.close()
    const stages = {
      data: await stored(home, 'data', folderOf(data)),
      label: await stored(home, 'label', folderOf(labels), labels.summary),
      rl: await stored(home, 'rl', validations.trained),
      choose: await stored(home, 'choose', validations.chosen),
    }
    const results: Record<string, unknown> = {
      [RUN]: { stages },
      elsewhere: { stages: { rl: { ...stages.rl, uri: 'file:///etc/rl/0123456789abcdef' } } },
      empty: {},
    }
    const getHandle = (id: string) => ({
      describe: () => Promise.resolve({ status: { name: 'COMPLETED' } }),
      result: () => Promise.resolve(results[id]),
    })
    const connected = { client: { workflow: { getHandle } } } as unknown as Connected
    server = await openStudio({ connected, home }, { host: '127.0.0.1', port: 0 })
    browser = await openBrowser()
    const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    const open = async (path: string, look: BrowserContextOptions = {}) => {
      const page = await (await browser.newContext(look)).newPage()
      await page.goto(`${address}${path}`)
      return page
    }
    studio = { studio: address, open }
  })
  afterAll(async () => {
    await browser?.close()
    server?.close()
  })

  /** Nothing that a text contains has become part of the page. */
  const isUnharmed = async (page: Page) => {
    expect(await page.title()).toMatch(/rlaif studio$/)
    expect(await page.locator('main img, main script').count()).toBe(0)
  }

  test('the same prompt is read across four steps, with what each response was given', async () => {
    const page = await studio.open(`/runs/${RUN}/responses`)
    await page.getByText(/6 prompts kept out of training, answered at 4 validations, steps 0 to 3/).waitFor()
    await page.getByRole('combobox', { name: 'Sorted' }).selectOption('gain')
    await page.getByRole('button', { name: 'Show' }).click()
    await page.waitForURL(/order=gain/)
    await isUnharmed(page)
    await page.keyboard.press('j')
    await page.keyboard.press('Enter')
    await page.waitForURL(/responses\/\d+$/)
    for (const step of [0, 1, 2, 3]) {
      const article = page.getByRole('article', { name: `Step ${step}` })
      expect(await article.getByText(/^reward /).count()).toBe(1)
      expect(await article.getByText(/^KL /).count()).toBe(step === 0 ? 0 : 1)
    }
    expect(await page.getByText(/^judge’s P\(better than before\) \d+/).count()).toBe(3)
    await isUnharmed(page)
    const before = page.url()
    await page.keyboard.press(before.endsWith('/5') ? 'p' : 'n')
    await page.waitForURL((url) => url.href !== before)
    await page.keyboard.press('u')
    await page.waitForURL(/responses$/)
    await page.context().close()
  })

  test('a pair is found by search; hostile texts are shown as they are', async () => {
    const page = await studio.open(`/runs/${RUN}/pairs`)
    await page.keyboard.press('/')
    await page.keyboard.type('YES 7 <SCRIPT>')
    await page.keyboard.press('Enter')
    await page.waitForURL(/q=YES/)
    await page.getByText('1 pair with “YES 7 <SCRIPT>”, shown are 1 to 1.').waitFor()
    expect(await page.getByRole('article').textContent()).toContain(`yes 7 ${HOSTILE}`)
    await isUnharmed(page)
    await page.keyboard.press('j')
    expect(await page.evaluate('document.activeElement.textContent')).toMatch(/^Pair \d+$/)
    await page.getByRole('combobox', { name: 'Pairs' }).selectOption('contradicted')
    await page.getByRole('searchbox').fill('')
    await page.getByRole('button', { name: 'Show' }).click()
    await page.waitForURL(/filter=contradicted/)
    const all = await page.getByRole('article').count()
    expect(all).toBeGreaterThan(0)
    expect(await page.getByText('People preferred the other.').count()).toBe(all)
    await page.context().close()
  })

  test('they are readable for everybody: light, dark, wide, phone', async () => {
    const looked = studio as StudioUnderTest
    await inAllLooks(looked, `/runs/${RUN}/responses`, 'responses', 'article')
    await inAllLooks(looked, `/runs/${RUN}/responses/0`, 'prompt', 'article')
    await inAllLooks(looked, `/runs/${RUN}/pairs`, 'pairs', 'article')
  })

  test('no address leads out of the run, and no result out of the store', async () => {
    const answer = async (path: string) => {
      const response = await fetch(`${studio.studio}/runs/${path}`)
      return { status: response.status, text: await response.text() }
    }
    for (const path of ['responses/999', 'responses/..%2f..%2fetc', 'responses/-1', 'responses/1e3'])
      expect([path, (await answer(`${RUN}/${path}`)).status]).toEqual([path, 404])
    expect(await answer('elsewhere/responses')).toMatchObject({
      status: 400,
      text: expect.stringContaining('not inside'),
    })
    expect((await answer(`${RUN}/pairs?page=1e99&filter=constructor&q=%00`)).status).toBe(200)
    expect((await answer('empty/pairs')).text).toContain('no labelled pairs')
    expect((await answer('empty/responses')).text).toContain('no responses to validation prompts')
  })
})
