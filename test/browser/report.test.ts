// A report in a real browser: what is drawn lies where it can be seen.
import type { Browser, Page } from 'playwright-core'
import { lineChart } from '../../src/report/chart'
import { chartGrid, page as reportPage } from '../../src/report/html'
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
