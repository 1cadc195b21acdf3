// node studies/studio-list.mjs [--runs 1000]: the studio's list with many runs. Starts a Temporal server, makes runs that
// nobody works on, a tenth of them parked, serves the studio in a process of its own, and prints when a browser first
// paints the list, what the server takes to answer, and its memory.
import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { temporaryFolder } from '../chaos/interrupt.mjs'
import { readFlags } from '../setup/flags.mjs'
import { formatNumber } from '../dist/number-format.js'

const require = createRequire(import.meta.url)
const { Client, Connection } = require('@temporalio/client')
const { defineSearchAttributeKey, TypedSearchAttributes } = require('@temporalio/common')
const { chromium } = require('playwright-core')
const { findTemporal } = require('../dist/cli/dev-server.js')
const { freePort } = require('../chaos/free-port.cjs')
const { SEARCH_ATTRIBUTES } = require('../dist/contracts/search-attributes.js')

const { runs } = readFlags('node studies/studio-list.mjs', {
  runs: { type: 'string', number: true, default: 1000 },
}).values
const AT_ONCE = 50
const VISITS = 5
const [METHODS, TASKS] = [
  ['rlaif', 'rlhf', 'dpo', 'direct-rlaif'],
  ['helpful', 'harmless', 'summarization'],
]

const home = temporaryFolder('rlaif-studio-')
const port = await freePort()
const temporal = spawn(
  findTemporal(),
  [
    ...['server', 'start-dev', '--headless', '--log-level', 'error', '--ip', '127.0.0.1', '--port', String(port)],
    ...Object.values(SEARCH_ATTRIBUTES).flatMap((name) => ['--search-attribute', `${name}=Keyword`]),
  ],
  { stdio: 'ignore' },
)
const server = `127.0.0.1:${port}`

async function connected() {
  for (;;)
    try {
      return await Connection.connect({ address: server, connectTimeout: 1000 })
    } catch {
      await new Promise((wake) => setTimeout(wake, 250))
    }
}
const connection = await connected()
const client = new Client({ connection })

const marks = (values) =>
  new TypedSearchAttributes(
    Object.entries(values).map(([name, value]) => ({
      key: defineSearchAttributeKey(SEARCH_ATTRIBUTES[name], 'KEYWORD'),
      value,
    })),
  )

/** Of every ten runs one is parked, two are in progress, and seven have ended. */
async function makeRun(i) {
  const state = i % 10 === 0 ? 'parked' : i % 10 < 3 ? 'running' : 'done'
  const run = await client.workflow.start('align', {
    taskQueue: 'nobody',
    workflowId: `align-${String(i).padStart(6, '0')}`,
    args: [{}],
    typedSearchAttributes: marks({ status: state, stage: 'rl', method: METHODS[i % 4], task: TASKS[i % 3] }),
  })
  if (state === 'done') await run.terminate()
}
for (let i = 0; i < runs; i += AT_ONCE)
  await Promise.all(Array.from({ length: Math.min(AT_ONCE, runs - i) }, (_, k) => makeRun(i + k)))
while ((await client.workflow.count()).count < runs) await new Promise((wake) => setTimeout(wake, 200))

const studio = spawn(process.execPath, [join('dist', 'cli', 'main.js'), 'studio', '--port', '0'], {
  env: { ...process.env, RLAIF_HOME: home, TEMPORAL_ADDRESS: server },
  stdio: ['ignore', 'pipe', 'inherit'],
})
const address = await new Promise((found) => {
  let said = ''
  studio.stdout.on('data', (text) => {
    said += text
    const [, url] = /^Studio (\S+)/m.exec(said) ?? []
    if (url) found(url)
  })
})
const megabytes = () => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${studio.pid}/status`, 'utf8'))[1]) / 1024

const browser = await chromium.launch({
  executablePath: process.env.RLAIF_CHROMIUM ?? '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu'],
})

/** Seconds until the first paint, and until the answer is whole. */
async function visit(path) {
  const page = await (await browser.newContext()).newPage()
  await page.goto(`${address}${path}`)
  while (!(await page.evaluate('performance.getEntriesByName("first-contentful-paint").length > 0')))
    await page.waitForTimeout(10)
  const times = await page.evaluate(
    '[performance.getEntriesByName("first-contentful-paint")[0].startTime, performance.getEntriesByType("navigation")[0].responseEnd]',
  )
  await page.context().close()
  return times.map((ms) => ms / 1000)
}

for (const path of ['/', '/?state=parked', '/?method=dpo', `/?shown=${Math.min(runs, 1000)}`]) {
  const visits = []
  for (let i = 0; i < VISITS; i++) visits.push(await visit(path))
  const [paint, answer] = [0, 1].map((k) => visits.map((times) => times[k]).sort((a, b) => a - b))
  const text = (times) =>
    `${formatNumber(times[2], 2)} s (first ${formatNumber(visits[0][times === paint ? 0 : 1], 2)} s)`
  process.stdout.write(`${path.padEnd(16)} first paint ${text(paint)}, answered after ${text(answer)}\n`)
}
process.stdout.write(`${runs} runs; memory of the studio ${formatNumber(megabytes(), 0)} MB\n`)

await browser.close()
studio.kill('SIGTERM')
await connection.close()
temporal.kill('SIGKILL')
process.exit(0)
