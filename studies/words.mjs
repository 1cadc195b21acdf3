// What can the default model tell about the mood of a text, asked in words, in digits, or about two texts at once?
//
//   node studies/words.mjs [--model default] [--pairs studies/cheerful-pairs.jsonl]
//
// Each pair is one cheerful and one gloomy sentence. AUC: the probability that a cheerful sentence has a higher score
// than a gloomy one, over all of both. Right pairs: the share of pairs whose cheerful sentence is preferred, a tie being
// one half. Intervals are 95 %: of an AUC by resampling the pairs, of a share Wilson's.
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { readFlags } from '../setup/flags.mjs'
import { formatPercent, formatPercentRange } from '../dist/number-format.js'

const require = createRequire(import.meta.url)
const { z } = require('zod')
const { readTask, taskFolder } = require('../dist/data/task.js')
const { bootstrap } = require('../dist/evaluation/bootstrap.js')
const { wilson } = require('../dist/evaluation/statistics.js')
const { DIGITS, scoreLevels } = require('../dist/feedback/answer-levels.js')
const { directRewards, scoreQuestion } = require('../dist/feedback/direct-score.js')
const { isUnanswered } = require('../dist/feedback/labeler.js')
const { localLabeler } = require('../dist/feedback/local-labeler.js')
const { choseSameSlot, judgePairs } = require('../dist/feedback/preference.js')
const { PLAIN } = require('../dist/feedback/technique.js')
const { judgeAlone } = require('../dist/feedback/verdict.js')
const { readJsonl } = require('../dist/json-lines.js')
const { loadModelAndTokenizer } = require('../dist/model/loaded.js')
const { locateModel } = require('../dist/model/locate.js')

const { values: flags } = readFlags('node studies/words.mjs', {
  model: { type: 'string', default: 'default' },
  pairs: { type: 'string', default: join(import.meta.dirname, 'cheerful-pairs.jsonl') },
})
const CONTEXT = 'Human: Write one sentence.'
const pairs = readJsonl(flags.pairs, z.object({ cheerful: z.string(), gloomy: z.string() }))
const texts = [...pairs.map(({ cheerful }) => cheerful), ...pairs.map(({ gloomy }) => gloomy)]
const labeler = localLabeler(flags.model, '', loadModelAndTokenizer(await locateModel(flags.model)))
const task = readTask(taskFolder('cheerful'))
const inDigits = {
  score: {
    ...task.score,
    preamble: 'How positive is the sentiment of this text? Answer with a number from 1 (negative) to 10 (positive).',
    ending: 'Score: ',
  },
}

const scored = (asked, levels) =>
  directRewards(
    labeler,
    texts.map((text) => scoreQuestion(asked, CONTEXT, text)),
    levels,
  )
const share = (left, right) => (left > right ? 1 : left === right ? 0.5 : 0)
const meanOf = (values) => values.reduce((a, b) => a + b, 0) / values.length

const shown = ({ value, low, high }) => `${formatPercent(value, 1)} (${formatPercentRange(low, high, 1)})`
const rightPairs = (preferred) =>
  shown(
    wilson(
      preferred.reduce((a, b) => a + b, 0),
      preferred.length,
    ),
  )

function row(name, answers) {
  const unanswered = answers.filter(isUnanswered)
  if (unanswered.length > 0) throw new Error(`words: ${name}: ${unanswered.length} unanswered: ${unanswered[0].failed}`)
  const [cheerful, gloomy] = [answers.slice(0, pairs.length), answers.slice(pairs.length)]
  const aucOf = (chosen) => meanOf(chosen.flatMap((i) => chosen.map((j) => share(cheerful[i], gloomy[j]))))
  const preferred = cheerful.map((score, i) => share(score, gloomy[i]))
  console.log(`| ${name} | ${shown(bootstrap(pairs.length, aucOf, 1))} | ${rightPairs(preferred)} | – |`)
}

console.log('| asked | AUC | right pairs | same slot |\n|---|---|---|---|')
row('score in words, one text', await scored(task, scoreLevels(task)))
const responses = texts.map((response) => ({ context: CONTEXT, response }))
row('verdict in words, one text', await judgeAlone(labeler, task.verdict, responses))
row('score from 1 to 10, one text', await scored(inDigits, DIGITS))

const both = pairs.map(({ cheerful, gloomy }, i) => (i % 2 === 0 ? [cheerful, gloomy] : [gloomy, cheerful]))
const labels = await judgePairs(
  labeler,
  both.map(([first, second]) => ({ context: CONTEXT, first, second })),
  { task, technique: PLAIN, seed: 1 },
)
const preferred = labels.map(({ preferFirst }, i) => share(i % 2 === 0 ? preferFirst : 1 - preferFirst, 0.5))
const sameSlot = formatPercent(meanOf(labels.map((label) => Number(choseSameSlot(label)))))
console.log(`| pairwise, "1" or "2", both orders | – | ${rightPairs(preferred)} | ${sameSlot} |`)
