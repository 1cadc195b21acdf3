// Soft labels of a real llama.cpp server beside those of the local model, on the same prompts; the outcome is in docs/labelers.md.
//
//   pip install 'llama-cpp-python[server]==0.3.16'
//   python -m llama_cpp.server --model MODEL.gguf --logits_all true --n_ctx 2048 --host 127.0.0.1 --port 8099
//   node test/reference/llama-cpp.mjs http://127.0.0.1:8099/v1 HUMAN_PAIRS.jsonl.gz [pairs]
import { createRequire } from 'node:module'
import { defaultModelFolder } from '../../setup/places.mjs'

const require = createRequire(import.meta.url)
const { readDataset } = require('../../dist/data/dataset.js')
const { readTask, taskFolder } = require('../../dist/data/task.js')
const { labelerSchema } = require('../../dist/contracts/labeler-settings.js')
const { dataSchema } = require('../../dist/contracts/settings.js')
const { endpointLabeler } = require('../../dist/feedback/endpoint-labeler.js')
const { localLabeler } = require('../../dist/feedback/local-labeler.js')
const { judgePairs, choseSameSlot } = require('../../dist/feedback/preference.js')
const { PLAIN } = require('../../dist/feedback/technique.js')
const { isUnanswered } = require('../../dist/feedback/labeler.js')
const { loadModelAndTokenizer } = require('../../dist/model/loaded.js')

const [baseUrl, path, wanted = '40'] = process.argv.slice(2)
const loaded = loadModelAndTokenizer(defaultModelFolder)
const task = readTask(taskFolder('harmless'))
const data = await readDataset(dataSchema.parse({ path, limit: Number(wanted) }), task, { seed: 1, promptTokens: 300, tokensOf: (row) => loaded.tokenizer.encode(row.context).length })
const pairs = [...data.train, ...data.evaluation].map(({ context, pair }) => ({ context, first: pair.responses[0], second: pair.responses[1] }))

const endpoint = endpointLabeler(labelerSchema.parse({ baseUrl, model: 'default', route: 'completion', concurrency: 1, timeoutSeconds: 300 }))
/** Asks the server with the text the local labeler sees, chat template included. */
const sameText = {
  ...endpoint,
  ask: (questions, options, onAnswer) => endpoint.ask(questions.map(({ text, ending }) => ({ text: loaded.tokenizer.renderChat([{ role: 'user', content: text }]).replace(/\n$/, ''), ending })), options, onAnswer),
}
const local = await judgePairs(localLabeler('local', 'x', loaded), pairs, { task, technique: PLAIN, seed: 1 })
const served = await judgePairs(sameText, pairs, { task, technique: PLAIN, seed: 1 })

const both = local.map((label, i) => [label, served[i]]).filter(([a, b]) => !isUnanswered(a) && !isUnanswered(b))
const slots = both.flatMap(([a, b]) => a.slotOne.map((p, order) => [p, b.slotOne[order]]))
const correlation = (points) => {
  const mean = (k) => points.reduce((sum, point) => sum + point[k], 0) / points.length
  const [mx, my] = [mean(0), mean(1)]
  const cov = (a, b) => points.reduce((sum, point) => sum + (point[a] - [mx, my][a]) * (point[b] - [mx, my][b]), 0)
  return cov(0, 1) / Math.sqrt(cov(0, 0) * cov(1, 1))
}
const worst = Math.max(...slots.map(([a, b]) => Math.abs(a - b)))
console.log(JSON.stringify({
  pairs: pairs.length,
  answeredByBoth: both.length,
  bounded: served.filter((label) => label.bounded).length,
  correlationOfSlotProbabilities: correlation(slots),
  correlationOfLabels: correlation(both.map(([a, b]) => [a.preferFirst, b.preferFirst])),
  meanDifference: slots.reduce((sum, [a, b]) => sum + Math.abs(a - b), 0) / slots.length,
  largestDifference: worst,
  sameSlot: { local: both.filter(([a]) => choseSameSlot(a)).length / both.length, served: both.filter(([, b]) => choseSameSlot(b)).length / both.length },
}, null, 2))
