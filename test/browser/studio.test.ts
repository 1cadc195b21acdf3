// The studio in a real browser, with one local stack for all of its pages: each file in studio/ has the tests of one.
import { whenThereIsABrowser } from './browser'
import { doorTests } from './studio/door'
import { openStudioUnderTest, type StudioUnderTest } from './studio/open-studio'
import { startToEndTests } from './studio/start-to-end'

jest.setTimeout(360_000)

/** Further pages: one line each. They run in this order, and find what those before them have left. */
const PAGES: Record<string, (studio: () => StudioUnderTest) => void> = {
  door: doorTests,
  'from the start to the end': startToEndTests,
}

whenThereIsABrowser('the studio', () => {
  let studio: StudioUnderTest
  beforeAll(async () => {
    studio = await openStudioUnderTest()
  })
  afterAll(() => studio?.close())

  for (const [page, tests] of Object.entries(PAGES)) describe(page, () => tests(() => studio))
})
