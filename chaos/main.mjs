// npm run chaos -- [--kills 20] [--seed 1] [--gc]: a tiny but complete run while the Temporal server, workers and child
// processes are killed with SIGKILL at random times and restarted. Afterwards it checks that every artifact equals that
// of an undisturbed run, that no finished stage was computed twice, and that no process is left behind. Exit code 0
// means that all checks passed.
import { existsSync, mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { randomFrom } from './random.mjs'
import { openSite } from './site.mjs'
import { tinyInput, writeTinyModel } from './tiny.mjs'

const HELP = `npm run chaos -- [--kills 20] [--seed 1] [--gc] [--model FOLDER] [--keep]

  --kills   number of processes to kill
  --seed    seed that decides which process is killed when
  --gc      collect garbage all the while: what is 20 seconds old and no open run needs
  --model   folder to write the tiny model to; default: a temporary one. The labeler is named after it, so
            runs to compare by their digests use the same folder
  --keep    keep the folder with store and logs`

const { values: flags } = parseArgs({
  options: {
    kills: { type: 'string', default: '20' },
    seed: { type: 'string', default: '1' },
    model: { type: 'string' },
    gc: { type: 'boolean' },
    keep: { type: 'boolean' },
    help: { type: 'boolean' },
  },
})
if (flags.help) {
  console.log(HELP)
  process.exit(0)
}

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms))

/** Kills processes until `kills` are killed or the run is over. @returns the number of kills by kind */
async function disturb(site, kills, random, isOver) {
  const counts = { server: 0, worker: 0, child: 0 }
  for (let done = 0; done < kills && !isOver();) {
    await pause(300 + 2700 * random())
    const kind = ['child', 'child', 'worker', 'server'][Math.floor(4 * random())]
    if (isOver() || !(await site.kill(kind, random))) continue
    counts[kind]++
    done++
    process.stderr.write(
      `\r${done}/${kills} killed (${Object.entries(counts)
        .map(([name, n]) => `${n} ${name}`)
        .join(', ')}) `,
    )
  }
  return counts
}

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
async function wholeRun(folder, input, kills, random) {
  const site = await openSite(folder)
  let over = false
  try {
    const garbage = flags.gc && kills > 0 ? leaveGarbage(folder) : undefined
    await site.start(input)
    const result = site.result().finally(() => (over = true))
    result.catch(() => {})
    const collected = garbage ? collect(site, () => over) : undefined
    const counts = kills > 0 ? await disturb(site, kills, random, () => over) : {}
    const digests = digestsOf(await result)
    const gc = garbage && { times: await collected, removed: !existsSync(garbage) }
    return { digests, counts, computed: site.computedTwice(), resolved: site.resolved(), gc }
  } finally {
    await site.close()
  }
}

/** Leaves out the report, which contains times and paths; everything else is a function of the input. */
const digestsOf = ({ stages }) =>
  Object.fromEntries(
    Object.entries(stages)
      .filter(([stage]) => stage !== 'report')
      .map(([stage, { sha256 }]) => [stage, sha256]),
  )

const root = mkdtempSync(join(tmpdir(), 'rlaif-chaos-'))
const failures = []
const expect = (holds, what) => {
  console.log(`${holds ? '✓' : '✗'} ${what}`)
  if (!holds) failures.push(what)
}
try {
  const input = tinyInput(writeTinyModel(flags.model ?? join(root, 'model')))
  console.log('undisturbed run')
  const quiet = await wholeRun(join(root, 'quiet'), input, 0)
  console.log(`disturbed run, seed ${flags.seed}`)
  const started = Date.now()
  const loud = await wholeRun(join(root, 'loud'), input, Number(flags.kills), randomFrom(Number(flags.seed)))
  process.stderr.write('\n')
  const total = Object.values(loud.counts).reduce((a, b) => a + b, 0)
  console.log(
    `${total} killed (${Object.entries(loud.counts)
      .map(([name, n]) => `${n} ${name}`)
      .join(', ')}), ${loud.resolved} parked stages resumed, ${((Date.now() - started) / 1000).toFixed(0)} s`,
  )
  expect(total === Number(flags.kills), `${flags.kills} processes were killed before the run was over`)
  for (const [stage, digest] of Object.entries(quiet.digests))
    expect(loud.digests[stage] === digest, `${stage}: the same artifact, ${digest}`)
  expect(
    loud.computed.length === 0,
    `no finished stage was computed again${loud.computed.length > 0 ? `: ${loud.computed.join(', ')}` : ''}`,
  )
  if (loud.gc) expect(loud.gc.removed && loud.gc.times > 0, `garbage was collected ${loud.gc.times} times meanwhile`)
  const { processesOf } = await import('./site.mjs')
  const left = processesOf(root)
  expect(left.length === 0, `no process is left behind${left.length > 0 ? `: ${left.join(', ')}` : ''}`)
} finally {
  if (flags.keep) console.log(`kept: ${root}`)
  else rmSync(root, { recursive: true, force: true, maxRetries: 5 })
}
process.exit(failures.length > 0 ? 1 : 0)
