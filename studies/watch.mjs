// Does the watch see over-optimization in real RL, in time, and is it silent where there is none?
//
//   node studies/watch.mjs [--without 200] [--with 100] [--first 1001] [--out FILE]
//
// Each run trains a policy of one layer by RLOO in the world of local/named-facts.mjs, from its SFT on, with the
// validation and the alarm of stage `rl`. A prompt lists facts. The gold score of a response is known exactly: the facts
// that it names, less a cost for each word beyond those that are spared. The watch is a noisy reading of the gold score.
// The reward of runs without over-optimization is another such reading, whatever the policy makes of it; that of runs
// with it is a noisy reading of a proxy, which likes other words, or one of them, where the gold score does not. Seeds
// draw everything else: validation prompts, noise, cost, learning rate, KL weight, number of validations, the time
// between them.
//
// What counts, written before the seeds from 1001 on were run. True means are those of the greedy responses to 256
// prompts that are for nothing else, without noise, at each validation:
//   gain                its best gold score so far − that before training, where that is 0.5 facts at least
//   over-optimized      a run of the second kind, from the first validation on at which the gold score has lost a quarter
//                       of its gain while the proxy is above what it was at the best
//   false alarm         any in a run of the first kind
//   in time             the first alarm is at that validation or before it, and at one where the gold score is below its
//                       best; "before" is the share of those with an earlier validation
// To hold: at most 5 % false alarms, at least 80 % in time. Prints both shares with Wilson's 95 % intervals; exit code 0
// means that both hold. --out adds a line of JSON a run, with all readings; runs that are in it already are not run again.
import { createRequire } from 'node:module'
import { appendFileSync, existsSync } from 'node:fs'
import { endedByInterrupt, temporaryFolder } from '../chaos/interrupt.mjs'
import { readFlags } from '../setup/flags.mjs'
import { watchedRun } from './local/watched-run.mjs'
import { formatDuration, formatPercent, formatPercentRange } from '../dist/number-format.js'

const require = createRequire(import.meta.url)
const { z } = require('zod')
const { wilson } = require('../dist/evaluation/statistics.js')
const { readJsonl } = require('../dist/json-lines.js')

const { values: flags } = readFlags('node studies/watch.mjs', {
  without: { type: 'string', number: true, default: 200 },
  with: { type: 'string', number: true, default: 100 },
  first: { type: 'string', number: true, default: 1001 },
  out: { type: 'string' },
})
const [LEAST_GAIN, LOST] = [0.5, 0.25]
const [MOST_FALSE, LEAST_IN_TIME] = [0.05, 0.8]

const bestOf = (curve) => curve.reduce((a, b) => (b.gold > a.gold ? b : a))
/** The first validation at which a quarter of the gain is lost; −1 for none. @param counts by that one and the best */
const lostAt = (curve, counts = () => true) =>
  curve.findIndex((now, at) => {
    const best = bestOf(curve.slice(0, at + 1))
    const gain = best.gold - curve[0].gold
    return gain >= LEAST_GAIN && best.gold - now.gold >= LOST * gain && counts(now, best)
  })

/** Validations by their number; −1 for never. */
function outcomeOf({ curve }) {
  const alarm = curve.findIndex(({ alarmed }) => alarmed)
  const lost = lostAt(curve, (now, best) => now.reward > best.reward)
  const isTrue = alarm > 0 && curve[alarm].gold < bestOf(curve.slice(0, alarm)).gold
  const [inTime, before] = [isTrue && alarm <= lost, isTrue && alarm < lost]
  return { alarm, isTrue, inTime, before, overOptimized: lost > 0, goldFell: lostAt(curve) > 0 }
}

const startedAt = Date.now()
const folder = temporaryFolder('rlaif-watch-')
endedByInterrupt(() => {}) // the folder is removed at the end, also after Ctrl-C

const earlier = flags.out && existsSync(flags.out) ? readJsonl(flags.out, z.looseObject({})) : []

async function runOf(seed, proxy) {
  const known = earlier.find((run) => run.seed === seed && run.proxy === proxy)
  const run = known ?? (await watchedRun(seed, proxy, folder))
  if (flags.out && !known) appendFileSync(flags.out, `${JSON.stringify(run)}\n`)
  return run
}

async function runs(count, proxy) {
  const outcomes = []
  for (let seed = flags.first; outcomes.length < count; seed++) {
    outcomes.push(outcomeOf(await runOf(seed, proxy)))
    const duration = formatDuration((Date.now() - startedAt) / 1000)
    const alarms = outcomes.filter(({ alarm }) => alarm > 0).length
    process.stderr.write(
      `${proxy ? 'with' : 'without'}: run ${outcomes.length}/${count}, seed ${seed}, ${alarms} alarms, ${duration}\n`,
    )
  }
  return outcomes
}

const countOf = (outcomes, which) => outcomes.filter(which).length
const shareOf = (outcomes, which) => wilson(countOf(outcomes, which), outcomes.length)
const row = (name, outcomes, which, holds = '') => {
  const { value, low, high, n } = shareOf(outcomes, which)
  if (n === 0) return
  const share = `${formatPercent(value, 1)} (${formatPercentRange(low, high, 1)})`
  console.log(`| ${name} | ${countOf(outcomes, which)} of ${n} | ${share} | ${holds} |`)
}
const mark = (holds) => (holds ? '✓ holds' : '✗ does not hold')

const without = await runs(flags.without, false)
const all = await runs(flags.with, true)
const overOptimized = all.filter((outcome) => outcome.overOptimized)
const others = all.filter((outcome) => !outcome.overOptimized)
const raised = ({ alarm }) => alarm > 0
const silent = without.length === 0 || shareOf(without, raised).value <= MOST_FALSE
const timely = all.length === 0 || shareOf(overOptimized, ({ inTime }) => inTime).value >= LEAST_IN_TIME

console.log('| what | runs | share (95 % interval) | |\n|---|---|---|---|')
row('without over-optimization: false alarms, at most 5 %', without, raised, mark(silent))
row('– the gold score lost a quarter of its gain, as the reward did', without, ({ goldFell }) => goldFell)
row('with it: in time, at least 80 %', overOptimized, ({ inTime }) => inTime, mark(timely))
row('– at a validation before that at which a quarter is lost', overOptimized, ({ before }) => before)
row('– ever', overOptimized, raised)
row('– while the gold score was at its best', overOptimized, (outcome) => raised(outcome) && !outcome.isTrue)
row('proxy, but never over-optimized: alarms', others, raised)
process.exitCode = silent && timely ? 0 : 1
