// docs/settings.md is what the schemas give, and describes every setting.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { settingsPage } from '../../src/cli/settings-page'
import { workflowSchemas } from '../../src/contracts/workflow-inputs'

const page = settingsPage()
const rows = page.split('\n').filter((line) => /^\| `/.test(line))
/** The row of a field in the section with a heading. */
const row = (heading: string, field: string) =>
  page
    .split(/^##+ /m)
    .find((section) => section.startsWith(`${heading}\n`))!
    .split('\n')
    .find((line) => line.startsWith(`| \`${field}\` |`))

test('docs/settings.md is up to date; `npm run docs:settings` writes it', () => {
  expect(readFileSync(join(__dirname, '..', '..', 'docs', 'settings.md'), 'utf8')).toBe(page)
})

test('every workflow has a section, and every setting a description', () => {
  for (const workflow of Object.keys(workflowSchemas)) expect(page).toContain(`\n## ${workflow}\n`)
  expect(rows.length).toBeGreaterThan(200)
  expect(rows.filter((line) => line.endsWith('|  |'))).toEqual([])
  expect(page).not.toMatch(/\b(undefined|NaN)\b|\[object/)
})

test('rows show values, bounds, default, and what is required', () => {
  expect(row('rl of align', 'klWeight')).toMatch(/^\| `klWeight` \| number 0–1 \| `0\.05` \| Weight β/)
  expect(row('rl of align', 'groupSize')).toContain('| integer ≥ 2 | `4` |')
  expect(row('align', 'preset')).toMatch(/\| `"small"`, `"quickstart"`, `"paper"` \| `"small"` \|/)
  expect(row('label', 'samples')).toContain('| required |')
  expect(row('labeler of align', 'baseUrl')).toContain('| `"world:"` or URL | – |')
  expect(row('labeler of align', 'concurrency')).toContain('With `baseUrl`: ')
  expect(row('labeler of align', 'preamble')).not.toContain('With `')
  expect(row('Presets of align', 'rl.steps')).toMatch(/`7295`/)
})

test('a group that several workflows share is listed once, and what a run hands to itself not at all', () => {
  expect(page.match(/^### .*\bqueues\b.*$/gm)).toEqual(['### queues of align'])
  expect(row('sweep', 'queues')).toContain('[group](#queues-of-align)')
  expect(page).not.toContain('`carried`')
})
