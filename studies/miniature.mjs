// npm run miniature -- [--quick] [--feedback]: the paper, or feedback of other shapes, in miniature. Starts a Temporal server with workers, runs the workflow
// `miniature`, and prints the table of claims. If it is started again, it resumes where it stopped: finished stages are
// in the store.
import { spawn, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdirSync, openSync, readFileSync, readdirSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { readFlags } from '../setup/flags.mjs'
import { randomFrom } from '../chaos/random.mjs'
import { claimLines } from '../dist/report/claims.js'
import { counted, formatDuration } from '../dist/number-format.js'

const HELP = `npm run miniature -- [--quick] [--feedback] [--seeds 101,102,103,104,105] [--kills 0]

  --quick     fewer pairs and steps, one seed: minutes instead of an hour
  --feedback  instead of the paper's claims, those about DPO, online DPO, GRPO, juries, rubrics and rounds
  --seeds     seeds of the policies
  --kills     number of worker and child processes to kill at random meanwhile; the figures stay the same

Everything is stored in RLAIF_HOME (./.rlaif). Examples:
  npm run miniature -- --quick
  RLAIF_HOME=/tmp/miniature npm run miniature -- --kills 20`

const { values: flags } = readFlags(
  'npm run miniature --',
  {
    quick: { type: 'boolean' },
    feedback: { type: 'boolean' },
    seeds: { type: 'string', numbers: true },
    kills: { type: 'string', number: true, default: 0 },
  },
  { help: HELP },
)

const command = join(dirname(dirname(fileURLToPath(import.meta.url))), 'dist', 'cli', 'main.js')
const env = { ...process.env, RLAIF_HOME: resolve(process.env.RLAIF_HOME ?? '.rlaif') }
mkdirSync(env.RLAIF_HOME, { recursive: true })
/** The log of the workers. */
const log = openSync(join(env.RLAIF_HOME, 'miniature.log'), 'a')
const pause = (ms) => new Promise((wake) => setTimeout(wake, ms))

/** Starts a process and waits until its output matches `line`. */
const started = (args, line, more = {}) =>
  new Promise((up, failed) => {
    const child = spawn(process.execPath, [command, ...args], {
      env: { ...env, ...more },
      stdio: ['ignore', 'pipe', log],
      detached: true,
    }) // `stop` passes on a terminal's Ctrl-C
    let said = ''
    child.stdout.on('data', (text) => line.test((said += text)) && up({ child, said }))
    child.once('exit', (code) => failed(new Error(`rlaif ${args[0]} ended with ${code}`)))
  })

/** The processes that `pid` has started. */
const childrenOf = (pid) => {
  try {
    return readdirSync(`/proc/${pid}/task`).flatMap((task) =>
      readFileSync(`/proc/${pid}/task/${task}/children`, 'utf8').trim().split(' ').filter(Boolean).map(Number),
    )
  } catch {
    return []
  }
}
const computes = (pid) => {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('child-main')
  } catch {
    return false
  }
}

const running = new Set()
let over = false
let killed = 0
let worker

/** A second worker in addition to the local stack's: two stages compute at a time, on two cores. */
async function startWorker(address) {
  worker = await started(['worker'], /take work/, { TEMPORAL_ADDRESS: address })
  running.add(worker.child)
  worker.child.once('exit', () => running.delete(worker.child))
  if (over) worker.child.kill('SIGTERM') // the study ended while the worker started
}

async function killAtRandom(kills, stack, address) {
  const random = randomFrom(1)
  while (killed < kills && !over) {
    await pause(15_000 + 35_000 * random())
    const victims = [stack.child.pid, worker.child.pid].flatMap(childrenOf).filter(computes)
    if (over) return
    if (victims.length > 0 && random() < 0.6) process.kill(victims[Math.floor(victims.length * random())], 'SIGKILL')
    else {
      worker.child.removeAllListeners('exit').kill('SIGKILL')
      running.delete(worker.child)
      await startWorker(address)
    }
    process.stderr.write(`\n${++killed}/${kills} killed\n`)
  }
}

const startedAt = Date.now()
/** Each process gets one signal: a second one would end the local stack before it has ended its server. */
function stop() {
  over = true
  for (const child of running) child.kill('SIGTERM')
  running.clear()
}
for (const signal of ['SIGINT', 'SIGTERM']) {
  process.once(signal, () => {
    stop()
    console.log('\nStopped. Run the same command again to resume from the finished work.')
    process.exitCode = 130
  })
}
try {
  const stack = await started(['up'], /Temporal (\S+?)[,;]/).catch((error) => {
    throw new Error(
      `${error.message}; is another \`rlaif up\` running in ${env.RLAIF_HOME}? Set RLAIF_HOME to another folder`,
    )
  })
  running.add(stack.child)
  const address = /Temporal ([\d.:]+)/.exec(stack.said)[1]
  if (!over) await startWorker(address)
  const study = flags.feedback ? 'feedback' : 'paper'
  const input = {
    ...(flags.feedback && { study }),
    size: flags.quick ? 'quick' : 'full',
    ...(flags.seeds && { seeds: flags.seeds }),
  }
  void killAtRandom(flags.kills, stack, address)
  const id = `miniature-${flags.feedback ? 'feedback-' : ''}${input.size}${flags.seeds ? `-${flags.seeds.join('-')}` : ''}`
  if (over) throw new Error('stopped before the study started')
  const run = spawn(process.execPath, [command, 'run', 'miniature', '--id', id, '--input', JSON.stringify(input)], {
    env,
    stdio: ['ignore', 'inherit', 'inherit'],
    detached: true,
  })
  running.add(run)
  const code = await new Promise((end) => run.once('exit', end))
  running.delete(run)
  over = true
  if (code === 0) {
    const report = spawnSync(process.execPath, [command, 'report', id], { env, encoding: 'utf8' }).stdout.trim()
    const claims = readFileSync(join(dirname(report), 'claims.json'))
    console.log(`\n${claimLines(JSON.parse(claims).claims, study).join('\n')}`)
    console.log(
      `\n${formatDuration((Date.now() - startedAt) / 1000)}` +
        `${killed > 0 ? `, ${counted(killed, 'process', 'processes')} killed` : ''}; ` +
        `digest of the figures ${createHash('sha256').update(claims).digest('hex').slice(0, 16)}`,
    )
  } else process.exitCode ||= code ?? 1
} finally {
  stop()
}
