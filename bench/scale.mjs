// The paper's size: whole runs on 123,169 posts and 92,858 comparisons, with a small model, a fast labeler and few steps.
// What is measured is everything but the arithmetic of a large model: rows a second, memory, history, bytes.
import { fork } from 'node:child_process'
import { readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { temporaryFolder } from '../chaos/interrupt.mjs'
import { openSite, processesOf } from '../chaos/site.mjs'
import { writePosts, writeSmallModel } from './scale-inputs.mjs'
import { labelAlone } from './scale-label.mjs'
import { formatBytes, formatDuration, formatNumber } from '../dist/number-format.js'

const POSTS = 123_169
const PAIRS = 92_858
const METHODS = ['rlaif', 'direct-rlaif']
const pause = (ms) => new Promise((done) => setTimeout(done, ms))

/** @returns an endpoint in a process of its own, which says what it was sent */
export async function openLabeler() {
  const child = fork(fileURLToPath(new URL('./scale-labeler.mjs', import.meta.url)), {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  })
  const next = () => new Promise((done) => child.once('message', done))
  const { port } = await next()
  return {
    settings: { baseUrl: `http://127.0.0.1:${port}/v1`, model: 'scripted', concurrency: 32 },
    sent() {
      const answer = next()
      child.send('how much?')
      return answer
    },
    close: () => child.disconnect(),
  }
}

/** The input of a run. */
const inputOf = (method, model, file, labeler) => ({
  method,
  task: 'summarization',
  model,
  labeler,
  judge: labeler,
  data: { path: file, evaluationPrompts: 1000 },
  limits: { promptTokens: 512, responseTokens: 4 },
  sft: { epochs: 1, batchSize: 512, microBatchSize: 128, learningRate: 1e-4 },
  rewardModel: { epochs: 1, batchSize: 512, microBatchSize: 128, learningRate: 1e-4 },
  rl: { steps: 8, batchSize: 128, microBatchSize: 128, minEntropy: 0, validationPrompts: 64 },
  shards: { labelWorkers: 4 },
  onFailure: 'fail',
})

/** Resident memory of the site's processes, in MB: the largest one. */
function largestProcess(folder) {
  const sizes = processesOf(folder).map((line) => {
    const [pid, ...command] = line.split(' ')
    try {
      const pages = Number(readFileSync(`/proc/${pid}/statm`, 'utf8').split(' ')[1])
      return { megabytes: (pages * 4096) / 1e6, command: command.join(' ') }
    } catch {
      return { megabytes: 0, command: '' } // ended
    }
  })
  return sizes
    .filter(({ command }) => !/temporal/.test(command))
    .reduce((a, b) => (a.megabytes > b.megabytes ? a : b), { megabytes: 0 })
}

/** Follows a run: seconds, peak memory and requests of each stage. */
async function follow(site, folder, labeler, isOver) {
  const stages = new Map()
  let before = { requests: 0, bytes: 0 }
  while (!isOver()) {
    const status = await site.client.workflow
      .getHandle('chaos')
      .query('status')
      .catch(() => undefined)
    const running = status?.stages.find(({ state }) => state === 'running')?.stage
    const sent = await labeler.sent()
    if (running) {
      const seen = stages.get(running) ?? { megabytes: 0, requests: 0, sent: 0 }
      seen.megabytes = Math.max(seen.megabytes, largestProcess(folder).megabytes)
      seen.requests += sent.requests - before.requests
      seen.sent += sent.bytes - before.bytes
      stages.set(running, seen)
    }
    before = sent
    await pause(500)
  }
  return stages
}

const rowsOf = ({ summary }) =>
  summary.read ?? summary.examples ?? summary.labels ?? summary.pairs ?? summary.responses ?? summary.contests

/** One run at a site. */
async function measureRun(site, folder, input, labeler) {
  let over = false
  const started = Date.now()
  await site.start(input)
  const result = site.result().finally(() => (over = true))
  const [followed] = await Promise.all([follow(site, folder, labeler, () => over), result])
  const handle = site.client.workflow.getHandle('chaos')
  const { stages } = await handle.query('status')
  const { raw } = await handle.describe()
  return {
    seconds: (Date.now() - started) / 1000,
    history: Number(raw.workflowExecutionInfo.historySizeBytes),
    stages: stages
      .filter(({ artifact }) => artifact)
      .map(({ stage, seconds, artifact, state }) => ({
        stage,
        isReused: state === 'reused',
        seconds,
        rows: rowsOf(artifact),
        bytes: artifact.bytes,
        sha256: artifact.sha256,
        ...(followed.get(stage) ?? { megabytes: 0, requests: 0, sent: 0 }),
      })),
  }
}

/** Runs of several methods, one after the other, at a site of their own: a later one finds what an earlier has made. */
async function measure({ methods, workers, posts, pairs, root, model, labeler }) {
  const folder = join(root, `${methods}-${workers}-${posts}`)
  const file = writePosts(join(root, `posts-${posts}.jsonl`), posts, pairs)
  const site = await openSite(folder, { workers })
  try {
    const runs = []
    for (const method of methods)
      runs.push(await measureRun(site, folder, inputOf(method, model, file, labeler.settings), labeler))
    return runs
  } finally {
    await site.close()
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 })
  }
}

function* rowsFor(name, { seconds, history, stages }) {
  for (const { stage, seconds, rows, bytes, megabytes, sent } of stages.filter(({ isReused }) => !isReused))
    yield {
      figure: `${name} ${stage}`,
      ours: rows === undefined ? seconds : rows / seconds,
      unit: rows === undefined ? 'seconds' : 'rows/s',
      note:
        `${rows ?? ''} rows in ${formatDuration(seconds)}, peak ${formatNumber(megabytes, 0)} MB, ` +
        `${formatBytes(bytes)} stored, ${formatBytes(sent)} sent to the labeler`,
    }
  yield {
    figure: `${name} in all`,
    ours: seconds,
    unit: 'seconds',
    note: `history ${formatBytes(history)}, largest process ${formatNumber(Math.max(...stages.map(({ megabytes }) => megabytes)), 0)} MB`,
  }
}

function* rowsForAll(name, runs) {
  for (const [i, run] of runs.entries()) yield* rowsFor(`${METHODS[i]}, ${name}`, run)
}

/** How the time of each stage has grown from a tenth to the whole. */
function* growth(small, whole) {
  for (const [i, { stages }] of whole.entries())
    for (const { stage, seconds, isReused } of stages) {
      const before = small[i].stages.find(({ stage: name }) => name === stage)
      if (seconds > 10 && !isReused)
        yield {
          figure: `growth ${stage}`,
          ours: seconds / before.seconds,
          unit: '×',
          note: `${METHODS[i]}: time of the whole by that of a tenth; 10 is linear`,
        }
    }
}

/** Whether the artifacts of two sites are the same, but for the reports, which hold times. */
const areEqual = (some, others) =>
  some.every(({ stages }, i) =>
    stages.every(({ stage, sha256 }, at) => stage === 'report' || others[i].stages[at].sha256 === sha256),
  )

/** @param posts of the whole; the tenth is measured beside it */
export async function* bench({ posts = POSTS, only }) {
  const root = temporaryFolder('rlaif-scale-')
  const labeler = await openLabeler()
  const model = writeSmallModel(join(root, 'model'))
  const pairs = Math.round((posts * PAIRS) / POSTS)
  const run = (more) => measure({ posts, pairs, root, model, labeler, ...more })
  const started = Date.now()
  try {
    if (only === 'label') return yield* labelAlone({ pairs: posts, root, model, labeler: labeler.settings })
    if (only) return yield* rowsFor(`${only}, 4 workers:`, (await run({ methods: [only], workers: 4 }))[0])
    const tenth = { posts: Math.round(posts / 10), pairs: Math.round(pairs / 10) }
    const small = await run({ methods: METHODS, workers: 4, ...tenth })
    yield* rowsForAll('tenth, 4 workers:', small)
    const alone = await run({ methods: METHODS, workers: 1, ...tenth })
    yield* rowsForAll('tenth, 1 worker:', alone)
    yield {
      figure: 'equal artifacts',
      ours: Number(areEqual(small, alone)),
      unit: '',
      note: '1: of one worker and of four',
    }
    const whole = await run({ methods: METHODS, workers: 4 })
    yield* rowsForAll('4 workers:', whole)
    yield* growth(small, whole)
    yield { figure: 'in all', ours: (Date.now() - started) / 1000, unit: 'seconds', note: 'the whole bench' }
  } finally {
    labeler.close()
  }
}
