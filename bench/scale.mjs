// The paper's size: whole runs on 123,169 posts and 92,858 comparisons, with a small model, a fast labeler and few steps.
// What is measured is everything but the arithmetic of a large model: rows a second, memory, history, bytes.
import { fork } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { openSite, processesOf } from '../chaos/site.mjs'
import { writePosts, writeSmallModel } from './scale-inputs.mjs'

const POSTS = 123_169
const PAIRS = 92_858
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

/** One run at its own site. */
async function measure({ method, workers, posts, pairs, root, model, labeler }) {
  const folder = join(root, `${method}-${workers}-${posts}`)
  const file = writePosts(join(root, `posts-${posts}.jsonl`), posts, pairs)
  const site = await openSite(folder, { workers })
  let over = false
  const started = Date.now()
  try {
    await site.start(inputOf(method, model, file, labeler.settings))
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
        .map(({ stage, seconds, artifact }) => ({
          stage,
          seconds,
          rows: rowsOf(artifact),
          bytes: artifact.bytes,
          sha256: artifact.sha256,
          ...(followed.get(stage) ?? { megabytes: 0, requests: 0, sent: 0 }),
        })),
    }
  } finally {
    over = true
    await site.close()
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 })
  }
}

function* rowsFor(name, { seconds, history, stages }) {
  for (const { stage, seconds, rows, bytes, megabytes, sent } of stages)
    yield {
      figure: `${name} ${stage}`,
      ours: rows === undefined ? seconds : rows / seconds,
      unit: rows === undefined ? 'seconds' : 'rows/s',
      note:
        `${rows ?? ''} rows in ${seconds.toFixed(0)} s, peak ${megabytes.toFixed(0)} MB, ` +
        `${(bytes / 1e6).toFixed(1)} MB stored, ${(sent / 1e6).toFixed(1)} MB sent to the labeler`,
    }
  yield {
    figure: `${name} in all`,
    ours: seconds,
    unit: 'seconds',
    note: `history ${(history / 1e6).toFixed(2)} MB, largest process ${Math.max(...stages.map(({ megabytes }) => megabytes)).toFixed(0)} MB`,
  }
}

/** @param posts of the whole; the tenth is measured beside it */
export async function* bench({ posts = POSTS, only }) {
  const root = mkdtempSync(join(tmpdir(), 'rlaif-scale-'))
  const labeler = await openLabeler()
  const model = writeSmallModel(join(root, 'model'))
  const pairs = Math.round((posts * PAIRS) / POSTS)
  const run = (more) => measure({ posts, pairs, root, model, labeler, ...more })
  try {
    if (only) return yield* rowsFor(`${only}, 4 workers:`, await run({ method: only, workers: 4 }))
    const tenth = { posts: Math.round(posts / 10), pairs: Math.round(pairs / 10) }
    const small = await run({ method: 'rlaif', workers: 4, ...tenth })
    yield* rowsFor('tenth, 4 workers:', small)
    const whole = await run({ method: 'rlaif', workers: 4 })
    yield* rowsFor('4 workers:', whole)
    for (const { stage, seconds } of whole.stages) {
      const before = small.stages.find(({ stage: name }) => name === stage)
      if (seconds > 10)
        yield {
          figure: `growth ${stage}`,
          ours: seconds / before.seconds,
          unit: '×',
          note: 'time of the whole by that of a tenth: 10 is linear',
        }
    }
    const alone = await run({ method: 'rlaif', workers: 1 })
    yield* rowsFor('1 worker:', alone)
    const equal = whole.stages.every(({ stage, sha256 }, i) => stage === 'report' || alone.stages[i].sha256 === sha256)
    yield { figure: 'equal artifacts', ours: Number(equal), unit: '', note: '1: of one worker and of four' }
    yield* rowsFor('direct, 4 workers:', await run({ method: 'direct-rlaif', workers: 4 }))
  } finally {
    labeler.close()
    rmSync(root, { recursive: true, force: true, maxRetries: 5 })
  }
}
