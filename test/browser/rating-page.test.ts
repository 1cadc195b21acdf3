// The rating page in a real browser: where its responses and their buttons stand.
import type { Browser } from 'playwright-core'
import { itemPage } from '../../src/rating/page'
import { inBrowser, openBrowser } from './browser'

jest.setTimeout(60_000)

let browser: Browser | undefined
afterAll(() => browser?.close())

interface Layout {
  /** How many responses stand in each row. */
  rows: number[]
  /** Of each label, whether its words are below its button and inside its box. */
  below: boolean[]
  widerThanScreen: boolean
}

const LAYOUT = `(() => {
  const tops = [...document.querySelectorAll('fieldset')].map((card) => Math.round(card.getBoundingClientRect().top))
  const below = [...document.querySelectorAll('.choices label')].map((label) => {
    const words = document.createRange()
    words.selectNodeContents(label)
    words.setStartAfter(label.querySelector('input'))
    const [box, button, text] = [label, label.querySelector('input'), words].map((one) => one.getBoundingClientRect())
    return text.top >= button.bottom && text.left >= box.left && text.right <= box.right && text.bottom <= box.bottom
  })
  return {
    rows: [...new Set(tops)].map((top) => tops.filter((other) => other === top).length),
    below,
    widerThanScreen: document.documentElement.scrollWidth > innerWidth,
  }
})()`

async function layoutOf(responses: number, width: number): Promise<Layout> {
  browser ??= await openBrowser()
  const page = await browser.newPage({ viewport: { width, height: 800 } })
  const texts = Array.from({ length: responses }, (_, i) => 'A response of some words. '.repeat(1 + i))
  const shown = { context: 'Human: Hello?', responses: texts }
  await page.setContent(itemPage({ rater: 'anna', kind: 'rank', item: 0, shown, rated: 3, open: 7 }))
  expect(await page.locator('header').textContent()).toBe('anna · 3 rated7 still open for you')
  return page.evaluate(LAYOUT)
}

inBrowser.each([
  [1200, 2, [2]],
  [1200, 3, [3]],
  [1200, 4, [2, 2]],
  [1200, 5, [3, 2]],
  [1200, 8, [4, 4]],
  [390, 4, [1, 1, 1, 1]],
])('at %d pixels, %d responses stand %j in a row, and every label is below its button', async (width, n, rows) => {
  const layout = await layoutOf(n, width)
  expect(layout.rows).toEqual(rows)
  expect(layout.below).toEqual(Array.from({ length: n * n }, () => true))
  expect(layout.widerThanScreen).toBe(false)
})
