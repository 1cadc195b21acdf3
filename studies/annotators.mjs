// node studies/annotators.mjs [--pairs 5000] [--seed 21]: how often the simulated labelers of the miniature world agree
// with its simulated people, and choose the same slot in both orders, measured by the workflow `labelStudy` on real
// workers. Exit code 0 means that all are within two points of the paper.
import { execFile, spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { temporaryFolder } from '../chaos/interrupt.mjs'
import { readFlags } from '../setup/flags.mjs'
import { formatDuration, formatPercent } from '../dist/number-format.js'

/** The paper's figures: agreement with people (Table 3), same slot in both orders (Table 4). */
const PAPER = { L: [0.78, 0.18], S: [0.738, 0.21], XS: [0.627, 0.56] }
const ALLOWED = 0.02

const { values: flags } = readFlags('node studies/annotators.mjs', {
  pairs: { type: 'string', number: true, default: 5000 },
  seed: { type: 'string', number: true, default: 21 },
})
const root = temporaryFolder('rlaif-annotators-')
const env = { ...process.env, RLAIF_HOME: join(root, 'home') }
const command = join(dirname(dirname(fileURLToPath(import.meta.url))), 'dist', 'cli', 'main.js')
const rlaif = async (...args) => (await promisify(execFile)(process.execPath, [command, ...args], { env })).stdout
const started = (args, line) =>
  new Promise((up, failed) => {
    const child = spawn(process.execPath, [command, ...args], { env, stdio: ['ignore', 'pipe', 'inherit'] })
    child.stdout.on('data', (text) => line.test(String(text)) && up(child))
    child.once('exit', (code) => failed(new Error(`rlaif ${args[0]} ended with ${code}`)))
  })
const percent = (share) => formatPercent(share, 1)
const interval = ({ value, low, high }) => `${percent(value)} (${percent(low)}–${percent(high)})`

let stack
try {
  stack = await started(['up'], /Ctrl-C|UI/)
  let allWithin = true
  for (const [name, [agreement, sameSlot]] of Object.entries(PAPER)) {
    const startedAt = Date.now()
    const data = {
      path: `world:summaries?rows=${Math.ceil(1.1 * flags.pairs)}&seed=${flags.seed}`,
      evaluationPrompts: 1,
    }
    const input = {
      task: 'summarization',
      model: 'world:policy',
      data,
      limits: { promptTokens: 1024 },
      pairs: flags.pairs,
      labeler: { baseUrl: 'world:', model: name, concurrency: 32 },
      variants: [{ name: 'Base 0-shot' }],
    }
    const out = await rlaif('run', 'labelStudy', '--id', `annotator-${name}`, '--input', JSON.stringify(input))
    const {
      pairs,
      rows: [row],
    } = JSON.parse(readFileSync(join(dirname(/Report +(\S+)/.exec(out)[1]), 'study.json'), 'utf8'))
    const within =
      Math.abs(row.agreement.value - agreement) <= ALLOWED && Math.abs(row.sameSlot.value - sameSlot) <= ALLOWED
    allWithin &&= within
    console.log(
      [
        `${within ? '✓' : '✗'} ${name.padEnd(3)} ${pairs} pairs: ` +
          `agreement ${interval(row.agreement)}, paper ${percent(agreement)}`,
        `same slot in both orders ${interval(row.sameSlot)}, paper ${percent(sameSlot)}`,
        formatDuration((Date.now() - startedAt) / 1000),
      ].join('; '),
    )
  }
  process.exitCode = allWithin ? 0 : 1
} finally {
  if (stack) {
    stack.kill('SIGTERM')
    await (stack.exitCode ?? new Promise((gone) => stack.once('exit', gone)))
  }
}
