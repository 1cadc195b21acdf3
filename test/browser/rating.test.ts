// Two raters at the rating page in a real browser, by keyboard; one closes the page, and server, workers and page are
// killed once.
import { spawn, type ChildProcess } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Browser, Page } from 'playwright-core'
import type { Artifact } from '../../src/contracts/artifact'
import { openLocalStack, type LocalStack } from '../local-stack'
import { plainPrompts, writeContest } from '../contest-artifact'
import { inBrowser, openBrowser, picture } from './browser'

jest.setTimeout(300_000)

const RUN = 'people-in-the-browser'
const PROMPTS = 10
const PORT = '8377'
let stack: LocalStack | undefined
let browser: Browser | undefined
let serving: ChildProcess | undefined
afterAll(async () => {
  await browser?.close()
  serving?.kill('SIGTERM')
  await stack?.close()
})

/** Starts `rlaif rate`. @returns each rater's link, as printed */
function servePage(home: string): Promise<Record<string, string>> {
  return new Promise((done, fail) => {
    const { TEMPORAL_ADDRESS: _, ...env } = process.env
    serving = spawn(
      process.execPath,
      [resolve(__dirname, '..', '..', 'dist', 'cli', 'main.js'), 'rate', RUN, '--port', PORT],
      { env: { ...env, RLAIF_HOME: home }, stdio: ['ignore', 'pipe', 'pipe'] },
    )
    let said = ''
    serving.stdout!.on('data', (chunk) => {
      said += String(chunk)
      if (said.includes('Ctrl-C'))
        done(
          Object.fromEntries([...said.matchAll(/^ {2}(\S+) +(http\S+)$/gm)].map(([, rater, link]) => [rater!, link!])),
        )
    })
    serving.stderr!.on('data', (chunk) => (said += String(chunk)))
    serving.on('close', () => fail(new Error(`rlaif rate ended: ${said}`)))
  })
}

const value = (text: string) =>
  text.startsWith('right') ? 0 : text.startsWith('middle') ? 1 : text.startsWith('worst') ? 2 : 3
const isOver = async (page: Page) => (await page.getByRole('heading').first().textContent()) === 'Thank you'

/** Rates the shown item by keyboard. @returns the item, once the next page shows that it is saved */
async function rateOne(page: Page): Promise<string> {
  const item = await page.locator('input[name=item]').inputValue()
  const texts = await page.locator('.text').allTextContents()
  const best = texts.map((_, at) => at).sort((a, b) => value(texts[a]!) - value(texts[b]!))
  for (const at of best) await page.keyboard.press(String(at + 1))
  await page.keyboard.press('Enter')
  for (;;) {
    await page.waitForLoadState().catch(() => {})
    const problem = page.getByRole('alert')
    const now = await page
      .locator('input[name=item]')
      .inputValue({ timeout: 3000 })
      .catch(() => undefined)
    if (now !== undefined && now !== item) return item
    if (now === undefined && (await isOver(page).catch(() => false))) return item
    if (await problem.isVisible().catch(() => false))
      await page
        .getByRole('button')
        .click()
        .catch(() => {}) // the form still holds the choice
    else if (now === undefined) await page.reload().catch(() => {}) // the page could not be reached at all
    await page.waitForTimeout(500)
  }
}

async function rateAll(page: Page, most: number): Promise<string[]> {
  const saved: string[] = []
  while (saved.length < most && !(await isOver(page))) saved.push(await rateOne(page))
  return saved
}

const record = (home: string) => JSON.parse(readFileSync(join(home, 'server.json'), 'utf8')) as { pid: number }

inBrowser('every acknowledged rating is in the result exactly once, whatever is killed in between', async () => {
  stack = await openLocalStack()
  const contest = await writeContest(stack.home, plainPrompts(PROMPTS))
  const handle = await stack.client.workflow.start('humanEvaluation', {
    taskQueue: 'rlaif',
    workflowId: RUN,
    args: [{ contest, ratingsPerPrompt: 2, raters: ['anna', 'ben'], checkEvery: 5 }],
  })
  let links = await servePage(stack.home)
  browser = await openBrowser()
  const anna = await browser.newPage({ viewport: { width: 1200, height: 800 } })
  const ben = await browser.newPage({ viewport: { width: 390, height: 844 }, colorScheme: 'dark' })
  await Promise.all([anna.goto(links.anna!), ben.goto(links.ben!)])
  await anna.locator('input[name=item]').waitFor({ state: 'attached' })
  await anna.keyboard.press('2')
  await picture(anna, 'rating-wide')
  await anna.keyboard.press('Backspace')
  await picture(ben, 'rating-phone-dark')

  const saved: Record<'anna' | 'ben', string[]> = { anna: [], ben: [] }
  const both = await Promise.all([rateAll(anna, 3), rateAll(ben, 3)])
  saved.anna.push(...both[0])
  saved.ben.push(...both[1])
  await ben.close()

  process.kill(record(stack.home).pid, 'SIGKILL') // the Temporal server; its database file stays
  const died = new Promise((done) => stack!.up.once('close', done))
  stack.up.kill('SIGKILL')
  await died
  const stuck = rateAll(anna, 1) // the page has no Temporal server now
  serving!.removeAllListeners('close')
  const closed = new Promise((done) => serving!.once('close', done))
  await anna.waitForTimeout(1500)
  serving!.kill('SIGKILL')
  await closed
  await stack.upAgain()
  links = await servePage(stack.home)
  saved.anna.push(...(await stuck))

  const back = await browser.newPage()
  await back.goto(links.ben!)
  const rest = await Promise.all([rateAll(anna, 100), rateAll(back, 100)])
  saved.anna.push(...rest[0])
  saved.ben.push(...rest[1])

  const { report } = (await stack.client.workflow.getHandle(handle.workflowId).result()) as { report: Artifact }
  const ratings = readFileSync(join(fileURLToPath(report.uri), 'ratings.jsonl'), 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { rater: string; item: number })
  const inResult = (rater: string) =>
    ratings
      .filter((rating) => rating.rater === rater)
      .map(({ item }) => String(item))
      .sort()
  expect(inResult('anna')).toEqual(expect.arrayContaining(saved.anna))
  expect(inResult('ben')).toEqual(expect.arrayContaining(saved.ben))
  expect(ratings).toHaveLength(2 * PROMPTS + 2 * 2)
  expect(new Set(ratings.map(({ rater, item }) => `${rater} ${item}`)).size).toBe(ratings.length)
  await anna.goto(`${report.uri}/report.html`)
  await picture(anna, 'rating-report')
})
