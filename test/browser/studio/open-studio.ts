// What all tests of the studio share: one local stack with its studio, and one browser. The tests of a page are a file of
// this folder, listed in ../studio.test.ts.
import { readFileSync } from 'node:fs'
import type { Browser, BrowserContextOptions, Page } from 'playwright-core'
import { openLocalStack, type LocalStack } from '../../local-stack'
import { openBrowser, picture } from '../browser'

export interface StudioUnderTest {
  stack: LocalStack
  /** Its address, without a slash at the end. */
  studio: string
  browser: Browser
  /** A page of the studio. @param look width, colour scheme … */
  open(path: string, look?: BrowserContextOptions): Promise<Page>
  close(): Promise<void>
}

const WIDE: BrowserContextOptions = { viewport: { width: 1300, height: 900 } }
const PHONE: BrowserContextOptions = { viewport: { width: 390, height: 844 } }
const LOOKS: [name: string, look: BrowserContextOptions][] = [
  ['light', WIDE],
  ['dark', { ...WIDE, colorScheme: 'dark' }],
  ['phone', PHONE],
  ['phone-dark', { ...PHONE, colorScheme: 'dark' }],
]

export async function openStudioUnderTest(): Promise<StudioUnderTest> {
  const stack = await openLocalStack()
  const browser = await openBrowser()
  const open = async (path: string, look = WIDE) => {
    const page = await (await browser.newContext(look)).newPage()
    await page.goto(`${stack.studio}${path}`)
    return page
  }
  const close = async () => {
    await browser.close()
    await stack.close()
  }
  return { stack, studio: stack.studio, browser, open, close }
}

const AXE = readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8')

interface Violation {
  id: string
  nodes: { html: string; failureSummary: string }[]
}

/** What axe finds wrong for readers with other eyes, hands or ears: contrast, labels, order; nothing if all is well. */
export async function barriers(page: Page): Promise<string[]> {
  await page.evaluate(AXE) // not a script element: the page's policy allows no foreign one
  const violations = (await page.evaluate('axe.run().then(({ violations }) => violations)')) as Violation[]
  return violations.flatMap(({ id, nodes }) =>
    nodes.map(({ html, failureSummary }) => `${id}: ${html} ${failureSummary}`),
  )
}

/** Looks at a page in each of the looks: no barriers, nothing wider than the window; and saves pictures of it. */
export async function inAllLooks({ open }: StudioUnderTest, path: string, name: string, ready: string): Promise<void> {
  for (const [look, options] of LOOKS) {
    const page = await open(path, options)
    await page.locator(ready).first().waitFor()
    expect([look, await barriers(page)]).toEqual([look, []])
    expect(await page.evaluate('document.documentElement.scrollWidth <= innerWidth')).toBe(true)
    await picture(page, `studio-${name}-${look}`)
    await page.context().close()
  }
}
