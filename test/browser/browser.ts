// A real browser: Debian's Chromium, or the one that RLAIF_CHROMIUM names.
import { existsSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { chromium, type Browser, type Page } from 'playwright-core'

const PLACES = [
  process.env.RLAIF_CHROMIUM,
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
]
const found = PLACES.find((place) => place !== undefined && existsSync(place))

/** Without an installed browser its tests are skipped, and counted as such. */
export const inBrowser = found ? test : test.skip
export const whenThereIsABrowser = found ? describe : describe.skip

/** @param more further arguments of Chromium */
export function openBrowser(...more: string[]): Promise<Browser> {
  return chromium.launch({ executablePath: found!, args: ['--no-sandbox', '--disable-gpu', ...more] })
}

/** Saves a screenshot for the documentation if RLAIF_SCREENSHOTS names a folder. */
export async function picture(page: Page, name: string): Promise<void> {
  const folder = process.env.RLAIF_SCREENSHOTS
  if (!folder) return
  mkdirSync(folder, { recursive: true })
  await page.screenshot({ path: join(folder, `${name}.png`) })
}
