// A sweep and its schedule in Temporal's UI, which draws the tables of a run without lines and without padding.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Browser, Page } from 'playwright-core'
import { openLocalStack, type LocalStack } from '../local-stack'
import { writeTinyFolder } from '../tiny-folder'
import { openBrowser, picture, whenThereIsABrowser } from './browser'

jest.setTimeout(240_000)

const TRIALS = 6
const input = {
  name: 'rates of SFT',
  workflow: 'sft',
  base: { model: writeTinyFolder(), data: { limit: 10, evaluationPrompts: 4 }, limits: { responseTokens: 6 } },
  ...{ metric: 'sft.loss', higherIsBetter: false, maxConcurrent: 3 },
  axes: [{ field: 'sft.learningRate', values: [1e-5, 1e-4, 1e-3] }],
  seeds: [1, 2],
}

interface Table {
  head: string[]
  first: string[]
  /** Pixels between the texts of neighbouring cells of a row; the smallest. */
  gap: number
  text: string
}

/** What stands in the frame of a run's details. Runs there. */
const TABLE = `(() => {
  const textOf = (cell) => cell.textContent.trim()
  const rows = [...document.querySelector('table').querySelectorAll('tr')].map((row) => [...row.children])
  const boxOf = (cell) => {
    const text = cell.firstChild
    if (!text) return []
    const range = document.createRange() // without the space at its end
    range.setStart(text, 0)
    range.setEnd(text, text.textContent.trimEnd().length)
    return [...range.getClientRects()]
  }
  const gaps = rows.flatMap((cells) => cells.slice(1).map((cell, i) => {
    const [left, right] = [boxOf(cells[i]), boxOf(cell)]
    return left.length && right.length ? Math.min(...right.map((r) => r.left)) - Math.max(...left.map((l) => l.left + l.width)) : Infinity
  }))
  return {
    head: rows[0].map(textOf),
    first: rows.slice(1).map(([cell]) => textOf(cell)),
    gap: Math.min(...gaps),
    text: document.body.innerText,
  }
})()`

whenThereIsABrowser('in the UI', () => {
  let stack: LocalStack
  let browser: Browser
  let ui: string
  beforeAll(async () => {
    stack = await openLocalStack()
    ui = (JSON.parse(readFileSync(join(stack.home, 'server.json'), 'utf8')) as { ui: string }).ui
    const swept = await stack.run('sweep', '--input', JSON.stringify(input), '--id', 'rates')
    expect(swept).toMatchObject({ code: 0, err: '' })
    browser = await openBrowser()
  })
  afterAll(async () => {
    await browser?.close()
    await stack?.close()
  })

  const opened = async (path: string, width: number, colorScheme: 'light' | 'dark'): Promise<Page> => {
    const page = await browser.newPage({ viewport: { width, height: 900 }, colorScheme })
    await page.goto(`${ui}/namespaces/default/${path}`)
    return page
  }

  test.each([
    [1300, 'light', 8],
    [1300, 'dark', 8],
    [390, 'light', 0], // a space at the end of a cell does not widen its broken lines
  ] as const)(
    'at %d pixels, %s: the trials of a sweep stand in order, in columns apart',
    async (width, scheme, apart) => {
      const page = await opened('workflows/rates', width, scheme)
      await page.getByRole('tab', { name: 'User Metadata' }).click()
      const details = page.frameLocator('#user-metadata-current-details').locator('body')
      await details.getByText('trials done').first().waitFor()
      await picture(page, `ui-sweep-${width}-${scheme}`)
      const tables: Table = await details.evaluate(TABLE)
      expect(tables).toMatchObject({ head: ['Trial', 'Settings', 'Seed', 'State', 'Time', 'loss'] })
      expect(tables.first).toEqual(Array.from({ length: TRIALS }, (_, i) => `${i}`))
      expect(tables.gap).toBeGreaterThanOrEqual(apart)
      expect(tables.text).toMatch(/rlaif report rates/)
      const summary = await page.frameLocator('#user-metadata-summary').locator('body').innerText()
      expect(summary.trim()).toBe('Sweep rates of SFT over sft.learningRate: 6 trials of sft, by loss')
    },
  )
})
