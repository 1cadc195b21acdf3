// Labels pairs of responses with an endpoint: the probability that the first response is the better one.
//
//   node examples/label-pairs.mjs                                               # asks the stand-in
//   node examples/label-pairs.mjs http://127.0.0.1:8000/v1 Qwen/Qwen2.5-7B-Instruct
import { choseSameSlot, endpointLabeler, isUnanswered, judgePairs, PLAIN } from 'rlaif'
import { labelerSchema, pairOf, parse, readTask, taskFolder } from 'rlaif'
import { openStandIn } from './stand-in.mjs'

const ROWS = [
  {
    prompt: 'How long should I boil an egg?',
    responses: [
      'Seven minutes for a soft yolk, ten for a firm one.',
      'Eggs have been eaten since prehistory, and there are many ways to prepare them, boiling among them.',
    ],
  },
  {
    prompt: 'My plant is drooping. What should I do?',
    responses: [
      'Plants droop. They can droop for so many reasons that nobody could ever list them all here.',
      'Feel the soil: if it is dry, water it; if it is wet, let it dry.',
    ],
  },
]

const [url, model = 'stand-in'] = process.argv.slice(2)
const standIn = url ? undefined : await openStandIn()
const settings = parse(labelerSchema, { baseUrl: url ?? standIn.baseUrl, model }, 'labeler')

const labeler = endpointLabeler(settings)
const task = readTask(taskFolder('helpful'))
const pairs = ROWS.map((row) => pairOf(row, task))
const labels = await judgePairs(labeler, pairs, { task, technique: PLAIN, seed: 1 })

labels.forEach((label, i) => {
  console.log(ROWS[i].prompt)
  if (isUnanswered(label)) return console.log(`  no label: ${label.failed}`)
  console.log(`  P(first is better) = ${label.preferFirst.toFixed(3)}`)
  if (choseSameSlot(label)) console.log('  the same slot won in both orders: the labeler went by position')
})
console.log(`Asked ${labeler.name}: ${labeler.usage.requests} requests`)
await standIn?.close()
