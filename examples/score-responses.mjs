// Scores single responses with a labeler, as direct RLAIF does in training: the expected value of its answer, mapped to
// [-1, 1]. The answers are those of the task: numbers from 1 to 10, or words.
//
//   node examples/score-responses.mjs                                           # asks the stand-in
//   node examples/score-responses.mjs http://127.0.0.1:8000/v1 Qwen/Qwen2.5-7B-Instruct
import { directRewards, endpointLabeler, isUnanswered, scoreLevels, scoreQuestion } from 'rlaif'
import { labelerSchema, parse, readTask, taskFolder } from 'rlaif'
import { openStandIn } from './stand-in.mjs'

const CONTEXT = 'How long should I boil an egg?'
const RESPONSES = [
  'Ten minutes.',
  'Seven minutes for a soft yolk, ten for a firm one.',
  'Eggs have been eaten since prehistory, and there are many ways to prepare them, boiling among them. '.repeat(3),
]

const [url, model = 'stand-in'] = process.argv.slice(2)
const standIn = url ? undefined : await openStandIn()
const settings = parse(labelerSchema, { baseUrl: url ?? standIn.baseUrl, model }, 'labeler')

const task = readTask(taskFolder('helpful'))
const questions = RESPONSES.map((response) => scoreQuestion(task, CONTEXT, response))
const rewards = await directRewards(endpointLabeler(settings), questions, scoreLevels(task))

rewards.forEach((reward, i) => {
  const figure = isUnanswered(reward) ? `no score: ${reward.failed}` : reward.toFixed(3)
  console.log(`${figure}  ${RESPONSES[i].slice(0, 60)}`)
})
await standIn?.close()
