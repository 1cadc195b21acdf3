// npm run chaos:sweep -- [--trials 300] [--kills 20] [--seed 1]: a sweep whose stages do nothing, while its workers and
// the Temporal server are killed with SIGKILL at random times and restarted. Afterwards it checks that every trial ran
// once and is counted once.
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { temporaryFolder } from './interrupt.mjs'
import { readFlags } from '../setup/flags.mjs'
import { randomFrom } from './random.mjs'
import { openSite, patiently } from './site.mjs'

const { SEARCH_ATTRIBUTES } = createRequire(import.meta.url)('../dist/contracts/search-attributes.js')

const { values: flags } = readFlags('npm run chaos:sweep --', {
  trials: { type: 'string', number: true, default: 300 },
  kills: { type: 'string', number: true, default: 20 },
  seed: { type: 'string', number: true, default: 1 },
})
const { trials, kills } = flags
const random = randomFrom(flags.seed)
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms))
const queue = 'chaos'
const STAGE_MS = '300'

const artifact = { uri: 'file:///store/x', sha256: '0'.repeat(64), bytes: 1, summary: {} }
const input = {
  workflow: 'rewardModel',
  base: { policy: artifact, labels: artifact },
  axes: [{ field: 'rewardModel.epochs', values: Array.from({ length: trials }, (_, i) => i + 1) }],
  maxConcurrent: 8,
  maxTrials: trials,
  queues: { light: queue, label: queue, gpu: queue },
}

async function disturb(site, isOver) {
  const counts = { worker: 0, server: 0 }
  for (let done = 0; done < kills && !isOver();) {
    await pause(500 + 2500 * random())
    const kind = random() < 0.75 ? 'worker' : 'server'
    if (isOver() || !(await site.kill(kind, random))) continue
    counts[kind]++
    done++
    process.stderr.write(`\r${done}/${kills} killed `)
  }
  return counts
}

/** The runs of each trial, by workflow id. */
async function runsOfTrials(client) {
  const runs = new Map()
  for await (const { workflowId, status } of client.workflow.list({ query: 'WorkflowType = "rewardModel"' }))
    runs.set(workflowId, [...(runs.get(workflowId) ?? []), status.name])
  return runs
}

const root = temporaryFolder('rlaif-chaos-')
const failures = []
const expect = (holds, what) => {
  console.log(`${holds ? '✓' : '✗'} ${what}`)
  if (!holds) failures.push(what)
}
const site = await openSite(root, {
  worker: (address) => [fileURLToPath(new URL('../bench/stub-worker.mjs', import.meta.url)), address, queue, STAGE_MS],
})
try {
  for (const name of Object.values(SEARCH_ATTRIBUTES))
    await patiently(() =>
      site.client.connection.operatorService.addSearchAttributes({
        namespace: 'default',
        searchAttributes: { [name]: 2 },
      }),
    )
  const started = Date.now()
  const handle = await patiently(() =>
    site.client.workflow.start('sweep', { taskQueue: queue, workflowId: 'sweep', args: [input] }),
  )
  let over = false
  const result = patiently(() => handle.result()).finally(() => (over = true))
  result.catch(() => {})
  const counts = await disturb(site, () => over)
  const counted = await result
  const killed = counts.worker + counts.server
  console.log(
    `${killed} killed (${counts.worker} worker, ${counts.server} server), ` +
      `${((Date.now() - started) / 1000).toFixed(0)} s`,
  )
  expect(killed === kills, `${kills} processes were killed before the sweep was over`)
  expect(counted.trials.done === trials && counted.trials.failed === 0, `${trials} trials are counted as done`)
  await pause(2000) // the list of runs lags behind
  const runs = await patiently(() => runsOfTrials(site.client))
  expect(runs.size === trials, `${trials} trials ran: ${runs.size}`)
  expect(
    [...runs.values()].every((states) => states.length === 1 && states[0] === 'COMPLETED'),
    'each ran once and completed',
  )
} finally {
  await site.close()
}
process.exit(failures.length > 0 ? 1 : 0)
