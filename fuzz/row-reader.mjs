// Reads files of mutated rows by their numbers, as a stage does, and checks what became of every row.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parse } from '../dist/contracts/parse.js'
import { dataSchema } from '../dist/contracts/settings.js'
import { withDataset } from '../dist/data/dataset.js'
import { readTask, taskFolder } from '../dist/data/task.js'
import { rowsInput } from './row-inputs.mjs'
import { allowedPairings, marksIn } from './row-pairings.mjs'

const seed = Number(process.argv[2])
const root = mkdtempSync(join(tmpdir(), 'rlaif-fuzz-'))
process.on('exit', () => rmSync(root, { recursive: true, force: true }))
process.on('disconnect', () => process.exit(0))

const task = readTask(taskFolder('helpful'))
const path = join(root, 'rows.jsonl')
const options = { seed: 1, promptTokens: 1e6, least: 0, tokensOf: () => 1 }

async function read(index) {
  const { settings, lines, rows } = rowsInput(seed, index)
  writeFileSync(path, lines.join('\n'))
  const started = performance.now()
  const outcome = await withDataset(parse(dataSchema, { path, ...settings }, 'data'), task, options, (dataset) => {
    const finding = faultOf(dataset, rows)
    return { refused: dataset.train.length + dataset.evaluation.length === 0, ...(finding && { finding }) }
  }).catch((error) => ({ refused: true, finding: `${error.name}: ${error.message.slice(0, 300)}` }))
  return { ms: performance.now() - started, ...outcome }
}

function faultOf(dataset, rows) {
  const used = [...dataset.train, ...dataset.evaluation]
  const leftOut = Object.entries(dataset.dropped)
  const counted = leftOut.reduce((sum, [, count]) => sum + count, 0)
  if (dataset.read !== rows.length) return `${dataset.read} of ${rows.length} rows were read`
  if (used.length + counted > rows.length || (used.length === 0 && counted < rows.length))
    return `${rows.length} rows: ${used.length} are used and ${counted} left out`
  if (leftOut.some(([reason]) => reason.length > 200 || /⟦|undefined|\[object/.test(reason)))
    return `a reason: ${leftOut}`
  const allowed = allowedPairings(rows)
  for (const row of used) {
    const finding = misplacedIn(row, allowed)
    if (finding) return finding
  }
}

/** An answer that was not given for the last question, or a text that no row has. */
function misplacedIn({ messages, context, reference, pairs = [] }, allowed) {
  const last = messages.at(-1)
  if (last.role !== 'user') return `the last turn is the ${last.role}'s`
  const responses = [...pairs.flatMap((pair) => pair.responses), ...(reference === undefined ? [] : [reference])]
  if (/\[object Object\]/.test([context, ...responses].join(''))) return `an object became a text: ${context}`
  const questions = marksIn(last.content).filter(({ isQuestion }) => isQuestion)
  if (questions.length === 0) return undefined
  const answers = responses.flatMap((response) => marksIn(response).filter(({ isQuestion }) => !isQuestion))
  const strange = answers.find(({ mark }) => !questions.some((question) => allowed.has(`${question.mark} ${mark}`)))
  return strange && `${strange.mark} is a response to ${JSON.stringify(messages)}`
}

process.on('message', async (index) => process.send(await read(index)))
process.send({})
