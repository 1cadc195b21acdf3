// Every HTTP server of the product, on loopback, as its command opens it: with tokens, with canaries around it, and for
// the rating page with a run in this process.
import { createServer } from 'node:http'
import { join } from 'node:path'
import { createRequire } from 'node:module'
import { randomBytes } from 'node:crypto'
import { startCodecServer } from '../dist/cli/codec-server.js'
import { serveReward } from '../dist/cli/serve-reward.js'
import { openUiDoor } from '../dist/cli/ui-door.js'
import { openHealth } from '../dist/cli/worker.js'
import { badAnswer, ratingMessageSchema } from '../dist/contracts/human-evaluation.js'
import { InvalidInput, parse } from '../dist/contracts/parse.js'
import { openLedger } from '../dist/evaluation/assignment.js'
import { linkOf, ratingKey } from '../dist/rating/links.js'
import { openRatingServer } from '../dist/rating/server.js'
import { openStudio } from '../dist/studio/server.js'
import { serveMetrics } from '../dist/workers/metrics.js'
import { openAnnotators } from '../dist/world/endpoint.js'

const require = createRequire(import.meta.url)
const { freePort } = require('../chaos/free-port.cjs')
const { WorkflowNotFoundError } = require('@temporalio/common')
const HOST = '127.0.0.1'
export const UI = 'http://127.0.0.1:8233'
export const RATERS = ['anna', 'ben']
const ITEMS = 5

/** @returns by server: its port, and what whoever may ask knows: a token, a path */
export async function openServers(home) {
  const payloadKey = randomBytes(32)
  process.env.RLAIF_PAYLOAD_KEYS = `a:${payloadKey.toString('base64')}`
  const tokens = Object.fromEntries(
    ['REWARD', 'CODEC', 'METRICS', 'STUDIO'].map((name) => [name, randomBytes(12).toString('hex')]),
  )
  for (const [name, token] of Object.entries(tokens)) process.env[`RLAIF_${name}_TOKEN`] = token
  const key = ratingKey(home)
  const labeler = { baseUrl: 'world:', model: 'gold', retries: 0 }
  const reward = await serveReward({ labeler }, { port: '0', host: HOST, context: 'prompts' }, home)
  const workers = { states: () => ({ workflow: 'RUNNING', label: 'RUNNING' }) }
  const ui = await listening(createServer(answerAsUi))
  const door = await openUiDoor(ui.address().port, await freePort())
  const portOf = (server) => server.address().port
  return {
    rating: {
      port: portOf(await openRatingServer(ratedRun(), key, 0, HOST)),
      paths: RATERS.map((rater) => linkOf(key, 'run', rater)),
    },
    reward: { port: portOf(reward.server), token: tokens.REWARD },
    codec: { port: portOf(await startCodecServer({ port: 0, ui: UI })), token: tokens.CODEC, payloadKey },
    metrics: {
      port: portOf(await serveMetrics({ host: HOST, port: 0 }, await freePort(), tokens.METRICS)),
      token: tokens.METRICS,
    },
    health: { port: portOf(await openHealth(await freePort(), tokens.METRICS, workers)), token: tokens.METRICS },
    ui: { port: Number(new URL(door.url).port) },
    annotators: { port: portOf(await openAnnotators(0)) },
    studio: {
      port: portOf(await openStudio({ connected: { client: listedRun() }, home }, { host: HOST, port: 0 })),
      token: tokens.STUDIO,
    },
  }
}

const listening = (server) => new Promise((resolve) => server.listen(0, HOST, () => resolve(server)))

/** In the place of Temporal's UI: some pages, and connections that it takes over or ends. */
function answerAsUi(request, response) {
  request.resume()
  if (request.url.includes('ended')) return request.socket.destroy()
  request.on('end', () =>
    response.writeHead(request.url === '/' ? 200 : 404, { 'content-type': 'text/html' }).end('<p>UI'),
  )
}

/** A Temporal server that lists one run, of which it knows nothing more, and starts none. */
function listedRun() {
  const run = {
    workflowId: '<fuzz>"&',
    type: '<fuzz>',
    status: { name: 'RUNNING' },
    startTime: new Date(0),
    typedSearchAttributes: { get: () => '"><fuzz>' },
  }
  const unknown = async () => {
    throw new WorkflowNotFoundError('<fuzz> not found', 'x', 'y')
  }
  const workflow = {
    list: async function* () {
      yield run
    },
    count: async () => ({ count: 1, groups: [] }),
    getHandle: () => ({ describe: unknown }),
    start: unknown,
  }
  return { workflow, schedule: { list: async function* () {} } }
}

/** What the workflow humanEvaluation does with the page's questions. When all is rated, it begins anew. */
function ratedRun() {
  const open = () =>
    openLedger({ items: ITEMS, checks: new Set([3]), raters: RATERS.length, ratingsPerItem: 2, seed: 1 })
  let ledger = open()
  const view = (name) => {
    const rater = RATERS.indexOf(name)
    if (ledger.open() === 0) ledger = open()
    const item = ledger.next(rater) ?? null
    const common = { kind: 'rank', items: 'file:///store/items', rated: ledger.rated(rater), open: ledger.open() }
    return { ...common, item, offered: ledger.offered(rater), over: false }
  }
  return {
    run: 'run',
    view: async (rater) => view(rater),
    async rate(given) {
      const { rater, item, answer, seconds } = parse(ratingMessageSchema, given, 'rate')
      const problem = badAnswer('rank', answer, 3)
      if (problem || !ledger.mayRate(RATERS.indexOf(rater), item))
        throw new InvalidInput(`rate: ${problem ?? 'not theirs'}`)
      ledger.add([item, RATERS.indexOf(rater), answer, seconds])
      return view(rater)
    },
    items: async () =>
      Array.from({ length: ITEMS }, (_, i) => ({
        context: `<fuzz>${i}`,
        responses: ['<fuzz onload=x>', '"><fuzz>', `&${i}`],
      })),
  }
}
