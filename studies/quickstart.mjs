// Does the quickstart do what its report says, over several seeds, also by a measure that no model of ours gives?
//
//   node studies/quickstart.mjs [--seeds 1,2,3,4,5] [--home FOLDER] [--input '{"rl": {"steps": 18}}']
//
// Runs preset "quickstart" once a seed on a local server of its own, two minutes each on two quiet cores, and prints a
// table of the 40 held-out prompts: the share that the judge calls good on its own before and after (Wilson's interval),
// the win rate, and the sentiment by VADER (Hutto & Gilbert, 2014), a lexicon with rules, from −1 to 1, with the 95 %
// interval of the paired difference by bootstrap. With --home, what is there already is not run again.
import { mkdtempSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { readFlags } from '../setup/flags.mjs'
import { withLocalServer } from './local/server.mjs'
import { formatNumber, formatPercent, formatPercentRange } from '../dist/number-format.js'

const require = createRequire(import.meta.url)
const { SentimentIntensityAnalyzer } = require('vader-sentiment')
const { readEvaluation, readJudgedContests } = require('../dist/activities/result-files.js')
const { bootstrap } = require('../dist/evaluation/bootstrap.js')

const { values: flags } = readFlags('node studies/quickstart.mjs', {
  seeds: { type: 'string', numbers: true, default: '1,2,3,4,5' },
  home: { type: 'string' },
  input: { type: 'string', default: '{}' },
})
const home = flags.home ?? mkdtempSync(join(tmpdir(), 'rlaif-quickstart-'))
const mean = (values) => values.reduce((a, b) => a + b, 0) / values.length

/** @returns the folder of the run's evaluation */
async function runSeed(client, seed) {
  const input = { preset: 'quickstart', ...JSON.parse(flags.input), seed }
  const start = { taskQueue: 'rlaif', workflowId: `quickstart-${seed}`, args: [input] }
  const { stages } = await client.workflow.execute('align', { ...start, workflowIdConflictPolicy: 'USE_EXISTING' })
  return fileURLToPath(stages.evaluate.uri)
}

const percent = ({ value, low, high }) => `${formatPercent(value)} (${formatPercentRange(low, high)})`
const signed = (value) => (value < 0 ? '−' : '+') + formatNumber(Math.abs(value), 2)
const lexicon = (text) => SentimentIntensityAnalyzer.polarity_scores(text).compound

function row(seed, folder) {
  const { verdict, winRate } = readEvaluation(folder)
  const contests = readJudgedContests(folder)
  const [before, after] = [contests.map((c) => lexicon(c.baseline)), contests.map((c) => lexicon(c.policy))]
  const rise = bootstrap(contests.length, (rows) => mean(rows.map((i) => after[i] - before[i])), 1)
  const sentiment = `${signed(mean(before))} → ${signed(mean(after))}`
  const difference = `${signed(rise.value)} (${signed(rise.low)} to ${signed(rise.high)})`
  const cells = [seed, percent(verdict.baseline), percent(verdict.policy), percent(winRate), sentiment, difference]
  return `| ${cells.join(' | ')} |`
}

console.error(`runs and artifacts: ${home}`)
await withLocalServer(home, async (client) => {
  console.log('| seed | judged good before | after | win rate | VADER | difference |\n|---|---|---|---|---|---|')
  for (const seed of flags.seeds) console.log(row(seed, await runSeed(client, seed)))
})
