// A report in a real browser: what is drawn lies where it can be seen.
import type { Browser, Page } from 'playwright-core'
import { lineChart, pointChart } from '../../src/report/chart'
import { chartGrid, page as reportPage } from '../../src/report/html'
import { renderMiniature } from '../../src/report/miniature'
import { shareCell, table, textCell } from '../../src/report/table'
import { inBrowser, openBrowser, picture } from './browser'

jest.setTimeout(60_000)

let browser: Browser | undefined
afterAll(() => browser?.close())

const points: [number, number][] = [
  [1, 0],
  [2, 1],
]
const chartOf = (names: readonly string[]) =>
  lineChart(
    'RL: reward',
    names.map((name) => ({ name, points })),
  )
const CHARTS = {
  'two long names': ['reward', 'after the end-of-text rule'],
  'eight names': Array.from({ length: 8 }, (_, i) => `rl.klWeight 0.0${i}, seed ${i}`),
}

interface Box {
  text: string
  left: number
  right: number
  top: number
  bottom: number
}

interface Drawn {
  chart: Box
  texts: Box[]
}

/** Where the texts of a chart are drawn, and the chart itself, in pixels of the screen. Runs in the page. */
const BOXES = `(index) => {
  const boxOf = (element) => {
    const { left, right, top, bottom } = element.getBoundingClientRect()
    return { text: element.textContent, left, right, top, bottom }
  }
  const svg = document.querySelectorAll('svg')[index]
  return { chart: boxOf(svg), texts: [...svg.querySelectorAll('text')].map(boxOf) }
}`
const boxesOf = (page: Page, chart: number): Promise<Drawn> => page.evaluate(`(${BOXES})(${chart})`)

async function opened(width: number): Promise<Page> {
  browser ??= await openBrowser()
  const page = await browser.newPage({ viewport: { width, height: 800 } })
  await page.setContent(reportPage('Charts', undefined, [chartGrid(Object.values(CHARTS).map(chartOf))]))
  return page
}

const overlap = (a: Box, b: Box) => a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom

inBrowser.each([1200, 800, 380])('at %d pixels no text of a chart is cut off or lies on another', async (width) => {
  const page = await opened(width)
  for (const [index, names] of Object.values(CHARTS).entries()) {
    const { chart, texts } = await boxesOf(page, index)
    expect(texts.filter(({ text }) => names.includes(text))).toHaveLength(names.length)
    const cut = texts.filter(
      ({ left, right, top, bottom }) =>
        left < chart.left || right > chart.right || top < chart.top || bottom > chart.bottom,
    )
    expect(cut).toEqual([])
    const pairs = texts.flatMap((a, i) => texts.slice(i + 1).map((b) => [a, b] as const))
    expect(pairs.filter(([a, b]) => overlap(a, b)).map(([a, b]) => `${a.text} | ${b.text}`)).toEqual([])
  }
  await picture(page, `charts-${width}`)
})

inBrowser('charts fill the page from edge to edge, in as many columns as there is room for', async () => {
  for (const [width, columns] of [
    [1200, 2],
    [800, 1],
    [380, 1],
  ] as const) {
    const page = await opened(width)
    const room = await page.evaluate<number>(`document.querySelector('.charts').getBoundingClientRect().width`)
    const { chart } = await boxesOf(page, 0)
    expect(chart.right - chart.left).toBeGreaterThan(room / columns - 20)
  }
})

/** A table of many columns, and one whose rows stand as blocks. */
const TABLES = [
  table(
    ['Policy', ...Array.from({ length: 8 }, (_, i) => `Figure ${i}`)],
    ['rlaif with a long name', 'sft'].map((name) => [
      textCell(name),
      ...Array.from({ length: 8 }, () => shareCell({ value: 0.62, low: 0.42, high: 0.83 })),
    ]),
  ),
  table(['Stage', 'Figures'], [[textCell('rl'), textCell('word '.repeat(60))]], { fold: true }),
]

/** What is cut, how the percentages break, and whether the first column stays in view when a table has scrolled. */
const TABLE_LAYOUT = `(() => {
  const wide = document.querySelector('.wide')
  const lineOf = (cell) => {
    const range = document.createRange()
    range.selectNodeContents(cell.firstChild)
    return range.getClientRects().length
  }
  wide.scrollLeft = 10000
  const first = wide.querySelector('tbody td').getBoundingClientRect()
  return {
    page: document.documentElement.scrollWidth <= innerWidth,
    scrolls: wide.scrollWidth > wide.clientWidth,
    broken: [...document.querySelectorAll('td.number')].filter((cell) => lineOf(cell) > 1).length,
    firstInView: first.left >= 0 && first.right <= innerWidth,
    folded: document.querySelector('.fold').scrollWidth <= document.querySelector('.fold').clientWidth,
  }
})()`

inBrowser(
  'on a phone a wide table scrolls beside its first column, another folds, and no percentage breaks',
  async () => {
    browser ??= await openBrowser()
    const page = await browser.newPage({ viewport: { width: 390, height: 800 } })
    await page.setContent(reportPage('Tables', { run: 'align-1', at: '2026-11-25T22:14:05Z' }, TABLES))
    expect(await page.evaluate(TABLE_LAYOUT)).toEqual({
      page: true,
      scrolls: true,
      broken: 0,
      firstInView: true,
      folded: true,
    })
    expect(await page.title()).toBe('Tables · Run align-1 · 2026-11-25 22:14 UTC')
  },
)

inBrowser(
  'on a phone each claim stands with its verdict in view, and every figure after the name of its column',
  async () => {
    browser ??= await openBrowser()
    const page = await browser.newPage({ viewport: { width: 390, height: 800 } })
    const claims = [{ id: 'a', says: 'RLAIF beats SFT', paper: '71 %, Table 1', verdict: 'agrees' as const }].map(
      (one) => ({
        ...one,
        ...{ measures: 'wins of rlaif over sft', unit: '%' as const, wants: 'above 50 %' },
        estimate: { value: 0.88, low: 0.85, high: 0.92, seeds: 5 },
      }),
    )
    await page.setContent(renderMiniature({ title: 'M', settings: {}, version: '1', seeds: [], claims, parts: {} }))
    const cells = await page.evaluate<
      [string, boolean][]
    >(`[...document.querySelectorAll('.fold td + td')].map((cell) => [
    getComputedStyle(cell, '::before').content.replaceAll('"', '') + cell.textContent,
    cell.getBoundingClientRect().right <= innerWidth,
  ])`)
    expect(cells).toEqual([
      ['Paper: 71\u00a0%, Table 1', true],
      ['In miniature: 88\u00a0% 85 to 92', true],
      ['What counts as agreement: wins of rlaif over sft: above 50\u00a0%', true],
      ['Verdict: ✓\u00a0agrees', true],
    ])
  },
)

inBrowser('long names of curves and points are whole, inside the chart, and leave the plot its room', async () => {
  browser ??= await openBrowser()
  const page = await browser.newPage({ viewport: { width: 1200, height: 800 } })
  const names = [
    'Qwen/Qwen2.5-7B-Instruct at models.example.org:8000',
    'rlaif with a KL weight of 0.2',
    'sft',
    'd',
    'e',
    'f',
  ]
  const value = { value: 0.5, low: 0.4, high: 0.6 }
  const charts = [
    chartOf(names),
    pointChart(
      'Win rate by labeler',
      names.map((name) => ({ name, ...value })),
    ),
  ]
  await page.setContent(reportPage('Charts', undefined, [chartGrid(charts)]))
  for (const index of [0, 1]) {
    const { chart, texts } = await boxesOf(page, index)
    const all = texts.map(({ text }) => text).join('')
    for (const name of names) expect(all.replace(/\s/g, '')).toContain(name.replace(/\s/g, ''))
    expect(texts.filter(({ left, right }) => left < chart.left || right > chart.right)).toEqual([])
  }
})
