// Hostile inputs and messages through a real Temporal server, real workflows and real activities; only what stages
// compute is left out. No workflow task may fail, what is refused ends the run at once, and no failure names what it
// must not.
import { fork, spawn } from 'node:child_process'
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'
import { Client, Connection } from '@temporalio/client'
import proto from '@temporalio/proto'
import { armsOf } from '../dist/contracts/compare-input.js'
import { parse } from '../dist/contracts/parse.js'
import { trialsOf } from '../dist/contracts/sweep-trials.js'
import { workflowSchemas } from '../dist/contracts/workflow-inputs.js'
import { findTemporal } from '../dist/cli/dev-server.js'
import { faultFinder } from './canaries.mjs'
import { diceOf } from './dice.mjs'
import { KINDS, MESSAGES, WORKFLOWS, workflowInput } from './workflow-inputs.mjs'

const { freePort } = createRequire(import.meta.url)('../chaos/free-port.cjs')
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms))

const AT_ONCE = 8
/** How long a run may go on before it counts as waiting and is terminated. */
const PATIENCE_MS = 6_000
const ANSWER_MS = 20_000
/** A run with more runs below it than this takes too long. */
const MOST_RUNS_BELOW = 8
const CANDIDATES = 40
/** FAILED and RUNNING in Temporal's API. */
const [RUNNING, FAILED] = [1, 3]
/** A message came, or the run was terminated, while the task was done; neither is the task's fault. */
const OVERTAKEN = [1, 17]

const UPDATES = [
  'resolveFailure',
  'rate',
  'close',
  'retryFailed',
  'pause',
  'resume',
  'stop',
  '__proto__',
  'no such one',
]
const SIGNALS = ['resolveFailure', 'trialParked', 'constructor', 'no such one']
const QUERIES = ['status', 'raterView', 'ratings', 'toString', 'no such one']
const schemaOfMessage = { raterView: 'raterView', trialParked: 'trialParked', rate: 'rate' }

/** @returns findings, one line each */
export async function fuzzRuns({ runs, seed, first = 0 }) {
  const site = await openSite()
  const state = { next: first, runs, seed, site, findings: [], slowest: 0, refused: 0, ended: 0, waiting: 0 }
  const started = Date.now()
  try {
    const goOn = async () => {
      while (state.next < runs) await runOne(state, state.next++)
    }
    await Promise.all(Array.from({ length: AT_ONCE }, goOn))
    const all = await checkHistories(state)
    console.log(
      `${runs} runs with ${all - runs} below them and ${runs * 3} messages, ${((Date.now() - started) / 1000).toFixed(0)} s: ` +
        `${state.refused} inputs refused, slowest ${(state.slowest / 1000).toFixed(1)} s after the worker took the run; ` +
        `${state.ended} runs ended otherwise, ${state.waiting} waited`,
    )
    return state.findings
  } finally {
    await site.close()
  }
}

async function openSite() {
  const address = `127.0.0.1:${await freePort()}`
  const arguments_ = ['server', 'start-dev', '--headless', '--ip', '127.0.0.1', '--port', address.split(':')[1]]
  const server = spawn(findTemporal(), [...arguments_, '--log-level', 'never'], { stdio: 'ignore' })
  const connection = await connected(address)
  const program = fileURLToPath(new URL('./workflow-worker.mjs', import.meta.url))
  const worker = fork(program, [address], { stdio: ['ignore', 'ignore', 'ignore', 'ipc'] })
  const planted = await new Promise((resolve, reject) => {
    worker.once('message', resolve)
    worker.once('exit', (code) => reject(new Error(`the worker ended with ${code}`)))
  })
  const fault = faultFinder(planted.secrets, planted.places)
  return {
    client: new Client({ connection }),
    isUp: () => worker.exitCode === null && worker.signalCode === null,
    target: planted.target,
    faultOf: (text, isStack) => fault(text.replaceAll(planted.store, '<store>'), isStack), // every result of a run names its store
    async close() {
      await connection.close()
      const gone = new Promise((resolve) => worker.once('exit', resolve))
      if (worker.connected) worker.disconnect()
      await Promise.race([gone, pause(10_000)])
      worker.kill('SIGKILL')
      server.kill('SIGKILL')
    },
  }
}

async function connected(address) {
  for (let tries = 0; ; tries++)
    try {
      return await Connection.connect({ address, connectTimeout: 1000 })
    } catch (error) {
      if (tries === 120) throw error
      await pause(250)
    }
}

/** Half of the runs begin with an input that is taken; among those that are refused are broken ones. */
function inputOf({ seed, site }, number) {
  const kind = WORKFLOWS[number % WORKFLOWS.length]
  const isWanted = number % (2 * WORKFLOWS.length) < WORKFLOWS.length
  for (let i = 0; ; i++) {
    const index = (number * CANDIDATES + i) * KINDS.length + KINDS.indexOf(kind)
    const { bytes } = workflowInput(seed, index, site.target)
    const runsBelow = runsBelowOf(kind, bytes)
    const isTaken = runsBelow !== undefined
    if (isTaken === isWanted && (runsBelow ?? 0) <= MOST_RUNS_BELOW) return { kind, bytes, isTaken, index }
    if (i === CANDIDATES) return { kind, bytes: Buffer.from('"not taken"'), isTaken: false, index }
  }
}

/** @returns undefined if the input is refused */
function runsBelowOf(kind, bytes) {
  try {
    const settings = parse(workflowSchemas[kind], JSON.parse(bytes.toString()), kind)
    if (kind === 'compare') return armsOf(settings).length
    return kind === 'sweep' ? trialsOf(settings).length : 0
  } catch {
    return undefined
  }
}

const payloads = (bytes) => ({ payloads: [{ metadata: { encoding: Buffer.from('json/plain') }, data: bytes }] })

async function runOne(state, number) {
  const { client, faultOf, isUp } = state.site
  const { kind, bytes, isTaken, index } = inputOf(state, number)
  const workflowId = idOf(state, number)
  const found = (what) => state.findings.push(`run ${number} (${kind}, input ${index}): ${what}`)
  if (!isUp()) return found('the worker has ended')
  const started = await startRun(client, workflowId, kind, bytes, memoOf(state, number))
  if (started) return faultOf(started) && found(faultOf(started))
  const isOver = () => overOf(client, workflowId)
  await untilOver(isOver, isTaken ? 1_000 : 0)
  for (const problem of await sendMessages(state, workflowId, number)) found(problem)
  const over = await untilOver(isOver, PATIENCE_MS)
  if (!over) {
    state.waiting++
    if (!isTaken) found('it goes on although its input is to be refused')
    return client.workflow.getHandle(workflowId).terminate()
  }
  if (isTaken) return state.ended++
  state.refused++
  const problem = await problemOfRefusal(state, workflowId, over)
  if (problem) found(problem)
}

/** One in eight is as long as Temporal allows, or nearly: runs start others, whose IDs begin with their own. */
function idOf({ seed }, number) {
  const dice = diceOf(seed, 8_000_000 + number)
  return `fuzz-${number}`.padEnd(dice.oneIn(8) ? dice.pick([960, 990, 1000]) : 0, 'w')
}

/** One in eight names a sweep that is to be told when the run is parked. */
function memoOf({ seed }, number) {
  const dice = diceOf(seed, 9_000_000 + number)
  const workflowId = dice.pick(['', 'no-such-run', 'x'.repeat(3_000), 'a\ud800', 'a\u0000', '../..', `fuzz-${number}`])
  const sweep = dice.pick([{ workflowId, trial: 1 }, { workflowId, trial: 1 }, workflowId, null])
  return dice.oneIn(8) ? { fields: { sweep: payloads(Buffer.from(JSON.stringify(sweep))).payloads[0] } } : undefined
}

/** @returns what the server says if it does not take the input */
const startRun = (client, workflowId, kind, bytes, memo) =>
  client.workflowService
    .startWorkflowExecution({
      namespace: 'default',
      workflowId,
      requestId: workflowId,
      workflowType: { name: kind },
      taskQueue: { name: 'rlaif' },
      input: payloads(bytes),
      memo,
    })
    .then(
      () => undefined,
      (error) => error.message,
    )

async function overOf(client, workflowId) {
  const { raw } = await client.workflow.getHandle(workflowId).describe()
  return raw.workflowExecutionInfo.status === RUNNING ? undefined : raw.workflowExecutionInfo.status
}

async function untilOver(isOver, ms) {
  for (const end = Date.now() + ms; ; await pause(150)) {
    const over = await isOver()
    if (over !== undefined || Date.now() > end) return over
  }
}

/** An update, a signal and a query. @returns what is wrong with the answers */
async function sendMessages({ site: { client, faultOf, target }, seed }, workflowId, number) {
  const service = client.workflowService
  const dice = diceOf(seed, 7_000_000 + number)
  const [namespace, workflowExecution] = ['default', { workflowId }]
  const argument = (name) => {
    const kind = KINDS.indexOf(MESSAGES[schemaOfMessage[name]] ? schemaOfMessage[name] : 'resolveFailure')
    return payloads(workflowInput(seed, (number * 3 + dice.below(1_000)) * KINDS.length + kind, target).bytes)
  }
  const [update, signal, query] = [UPDATES, SIGNALS, QUERIES].map((names) => dice.pick(names))
  const waitPolicy = { lifecycleStage: 3 }
  const request = { meta: { updateId: `${number}` }, input: { name: update, args: argument(update) } }
  const signalled = { signalName: signal, requestId: `${number}`, input: argument(signal) }
  const asked = { queryType: query, queryArgs: argument(query) }
  const sent = {
    [`signal ${signal}`]: service.signalWorkflowExecution({ namespace, workflowExecution, ...signalled }),
    [`update ${update}`]: service.updateWorkflowExecution({ namespace, workflowExecution, waitPolicy, request }),
    [`query ${query}`]: service.queryWorkflow({ namespace, execution: workflowExecution, query: asked }),
  }
  const problems = Object.entries(sent).map(async ([name, answer]) => {
    const text = await Promise.race([
      answer.then(failureIn, ({ message }) => message),
      pause(ANSWER_MS).then(() => null),
    ])
    const problem = text === null ? `no answer within ${ANSWER_MS / 1000} s` : faultOf(text)
    return problem && `${name}: ${problem}`
  })
  return (await Promise.all(problems)).filter(Boolean)
}

const failureIn = ({ outcome, queryRejected }) => outcome?.failure?.message ?? JSON.stringify(queryRejected ?? '')

/** @returns why the end of a run is not what a bad input is to lead to */
async function problemOfRefusal(state, workflowId, status) {
  const { events } = await state.site.client.workflow.getHandle(workflowId).fetchHistory()
  const failure = events.at(-1).workflowExecutionFailedEventAttributes?.failure
  if (status !== FAILED || failure?.applicationFailureInfo?.nonRetryable !== true)
    return `it is to be refused, and ended with status ${status}: ${failure?.message?.slice(0, 300)}`
  const took = events.find(({ workflowTaskStartedEventAttributes }) => workflowTaskStartedEventAttributes)
  const ms = millisecondsOf(events.at(-1)) - millisecondsOf(took)
  state.slowest = Math.max(state.slowest, ms)
  return undefined
}

const millisecondsOf = ({ eventTime: { seconds, nanos } }) => Number(seconds) * 1000 + nanos / 1e6

/** Of every run, those below others among them. @returns how many there are */
async function checkHistories({ site: { client, faultOf }, findings }) {
  let count = 0
  await pause(2_000) // the list of runs is a little behind
  for await (const { workflowId, runId, type } of client.workflow.list()) {
    count++
    const history = await client.workflow.getHandle(workflowId, runId).fetchHistory()
    for (const event of history.events) {
      const { workflowTaskFailedEventAttributes: failed, workflowTaskTimedOutEventAttributes: late } = event
      if (failed && !OVERTAKEN.includes(failed.cause))
        findings.push(
          `${workflowId} (${type}): a workflow task failed (cause ${failed.cause}): ${failed.failure?.message?.slice(0, 400)}`,
        )
      if (late) findings.push(`${workflowId.slice(0, 60)} (${type}): a workflow task took too long`)
      const shown = faultInFailures(event, faultOf)
      if (shown) findings.push(`${workflowId.slice(0, 60)} (${type}): a failure ${shown}`)
    }
    const bytes = Buffer.from(proto.temporal.api.history.v1.History.encode(history).finish()).toString('latin1')
    const secret = faultOf(bytes)
    if (secret?.startsWith('shows the canary'))
      findings.push(`${workflowId.slice(0, 60)} (${type}): its history ${secret}`)
  }
  return count
}

/** What the failures of an event show that they must not, those that caused others too; stacks name files of ours. */
function faultInFailures(event, faultOf) {
  const faults = []
  const visit = (value) => {
    if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value)) return
    if (typeof value.message === 'string') faults.push(faultOf(value.message), faultOf(value.stackTrace ?? '', true))
    for (const inner of Object.values(value)) visit(inner)
  }
  visit(event)
  return faults.find(Boolean)
}
