// npm run chaos -- [--kills 20] [--seed 1] [--method dpo] [--gc] [--rows 1000] [--precision bfloat16]: a tiny but complete
// run while the Temporal server, workers and child processes are killed with SIGKILL at random times and restarted.
// Afterwards it checks that every artifact equals that of an undisturbed run, that no finished stage was computed twice,
// that a labeler was asked again only what was in flight, and that no process is left behind. Exit code 0 means that all
// checks passed.
import { existsSync, mkdirSync, mkdtempSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { temporaryFolder } from './interrupt.mjs'
import { readFlags, refuse } from '../setup/flags.mjs'
import { randomFrom } from './random.mjs'
import { openSite } from './site.mjs'
import { startLabeler } from './labeler.mjs'
import { inFlightOf, inputOfMethod, ROUND_RUNS, shardedInput, tinyInput, writeTinyModel } from './tiny.mjs'

const HELP = `npm run chaos -- [--kills 20] [--seed 1] [--gc] [--rows N] [--model FOLDER] [--precision P] [--keep]

  --kills   number of processes to kill
  --seed    seed that decides which process is killed when
  --method  dpo, online-dpo, grpo, watch, rounds or jury (online DPO with three labelers): such a run, its labeler an
            endpoint that counts what it is asked. Default: RLAIF, with the tiny model itself as the labeler
  --gc      collect garbage all the while: what is 20 seconds old and no open run needs
  --rows    so many made posts, in shards of 64 rows, 256 where pairs are labelled; the kills are spread over the run.
            From 1000 on, sampling, labelling and the responses of the evaluation are all in shards
  --model   folder to write the tiny model to; default: a temporary one. The labeler is named after it, so
            runs to compare by their digests use the same folder
  --precision
            what the run's models compute in: float32 (default) or bfloat16
  --keep    keep the folder with store and logs`

const options = {
  kills: { type: 'string', number: true, default: 20 },
  seed: { type: 'string', number: true, default: 1 },
  model: { type: 'string' },
  method: { type: 'string' },
  gc: { type: 'boolean' },
  rows: { type: 'string', number: true },
  precision: { type: 'string' },
  keep: { type: 'boolean' },
}
const { values: flags } = readFlags('npm run chaos --', options, { help: HELP })
const METHODS = ['dpo', 'online-dpo', 'grpo', 'watch', 'rounds', 'jury']
const hasRounds = flags.method === 'rounds'
if (flags.method !== undefined && !METHODS.includes(flags.method))
  refuse(`npm run chaos --: --method got "${flags.method}"; it is one of ${METHODS.join(', ')}`)
if (flags.method !== undefined && flags.rows !== undefined)
  refuse('npm run chaos --: --rows has no meaning with --method, whose run is small; remove one of them')

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms))

/**
 * Kills processes until `kills` are killed or the run is over.
 * @param everyMs the mean time between two kills
 * @returns the number of kills by kind, and by the stage that ran
 */
async function disturb(site, { kills, random, everyMs }, isOver) {
  const counts = { server: 0, worker: 0, child: 0 }
  const during = {}
  let stage
  for (let done = 0; done < kills && !isOver();) {
    await pause((everyMs * (300 + 2700 * random())) / USUAL_MS)
    const kind = ['child', 'child', 'worker', 'server'][Math.floor(4 * random())]
    if (flags.rows) stage = (await site.running()) ?? stage // the last that was seen, while the server is down
    if (isOver() || !(await site.kill(kind, random))) continue
    counts[kind]++
    if (stage) during[stage] = (during[stage] ?? 0) + 1
    done++
    process.stderr.write(`\r${done}/${kills} killed (${listed(counts)}) `)
  }
  return { counts, during }
}
const USUAL_MS = 1650
const listed = (counts) =>
  Object.entries(counts)
    .map(([name, n]) => `${n} ${name}`)
    .join(', ')

/** An artifact that nobody needs, so that garbage collection has something to find. */
function leaveGarbage(folder) {
  const garbage = join(folder, 'store', 'model', '0'.repeat(32))
  mkdirSync(garbage, { recursive: true })
  writeFileSync(join(garbage, 'manifest.json'), '{}')
  const old = new Date(Date.now() - 3_600_000)
  utimesSync(join(garbage, 'manifest.json'), old, old)
  return garbage
}

/** Collects garbage again and again. @returns how often it could ask what the run needs */
async function collect(site, isOver) {
  let times = 0
  while (!isOver()) {
    if (/kept besides: what 1 open run uses/.test(await site.collectGarbage(20))) times++
    await pause(500)
  }
  return times
}

/** A whole run at its own site. */
async function wholeRun(folder, input, disturbance) {
  const site = await openSite(folder)
  let over = false
  try {
    const started = Date.now()
    const garbage = flags.gc && disturbance ? leaveGarbage(folder) : undefined
    await site.start(input, hasRounds ? 'rounds' : 'align')
    const result = site.result(hasRounds ? ROUND_RUNS : []).finally(() => (over = true))
    result.catch(() => {})
    const collected = garbage ? collect(site, () => over) : undefined
    const disturbed = disturbance && (await disturb(site, disturbance, () => over))
    const digests = digestsOf(await result)
    const seconds = (Date.now() - started) / 1000
    const gc = garbage && { times: await collected, removed: !existsSync(garbage) }
    const computed = { twice: site.computedTwice(), parts: site.finished() }
    return { ...disturbed, digests, seconds, computed, resolved: site.resolved(), gc }
  } finally {
    await site.close()
  }
}

/** Leaves out the report, which contains times and paths; everything else is a function of the input. */
const digestsOf = ({ stages, policies }) =>
  Object.fromEntries(
    Object.entries(stages ?? policies)
      .filter(([stage]) => stage !== 'report')
      .map(([stage, { sha256 }]) => [stage, sha256]),
  )

/** What was on its way when a worker or its child was killed is asked again, and nothing else. */
function expectFewQuestions({ asked, again }, quietly, { worker, child }) {
  const inFlight = (worker + child) * inFlightOf(flags.method)
  expect(again <= inFlight, `${again} of ${asked} questions were asked again, at most ${inFlight} were in flight`)
  const different = asked - again
  expect(different === quietly.asked - quietly.again, `${different} different questions were asked, as without kills`)
}

const root = flags.keep ? mkdtempSync(join(tmpdir(), 'rlaif-chaos-')) : temporaryFolder('rlaif-chaos-')
const labeler = flags.method && (await startLabeler())
const failures = []
const expect = (holds, what) => {
  console.log(`${holds ? '✓' : '✗'} ${what}`)
  if (!holds) failures.push(what)
}
try {
  const model = writeTinyModel(flags.model ?? join(root, 'model'))
  const input = {
    ...(labeler
      ? inputOfMethod(flags.method, model, labeler.baseUrl)
      : flags.rows
        ? shardedInput(model, join(root, 'posts.jsonl'), flags.rows)
        : tinyInput(model)),
  }
  if (flags.precision) (hasRounds ? input.base : input).precision = flags.precision
  const { kills } = flags
  console.log('undisturbed run')
  const quiet = await wholeRun(join(root, 'quiet'), input)
  if (flags.rows) console.log(`artifacts computed: ${listed(quiet.computed.parts)}; ${quiet.seconds.toFixed(0)} s`)
  const quietly = labeler?.counts()
  labeler?.reset()
  console.log(`disturbed run, seed ${flags.seed}`)
  const everyMs = flags.rows ? (2 * 1000 * quiet.seconds) / kills : USUAL_MS // what is killed is done again
  const loud = await wholeRun(join(root, 'loud'), input, { kills, random: randomFrom(flags.seed), everyMs })
  process.stderr.write('\n')
  const total = Object.values(loud.counts).reduce((a, b) => a + b, 0)
  console.log(
    `${total} killed (${listed(loud.counts)}${flags.rows ? `; during ${listed(loud.during)}` : ''}), ` +
      `${loud.resolved} parked stages resumed, ${loud.seconds.toFixed(0)} s`,
  )
  expect(total === kills, `${kills} processes were killed before the run was over`)
  for (const [stage, digest] of Object.entries(quiet.digests))
    expect(loud.digests[stage] === digest, `${stage}: the same artifact, ${digest}`)
  expect(loud.computed.twice.length === 0, ['no finished stage was computed again', ...loud.computed.twice].join(', '))
  if (labeler) expectFewQuestions(labeler.counts(), quietly, loud.counts)
  if (loud.gc) expect(loud.gc.removed && loud.gc.times > 0, `garbage was collected ${loud.gc.times} times meanwhile`)
  const { processesOf } = await import('./site.mjs')
  const left = processesOf(root)
  expect(left.length === 0, `no process is left behind${left.length > 0 ? `: ${left.join(', ')}` : ''}`)
} finally {
  await labeler?.close()
  if (flags.keep) console.log(`kept: ${root}`)
}
process.exit(failures.length > 0 ? 1 : 0)
