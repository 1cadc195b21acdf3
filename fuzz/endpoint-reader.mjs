// Serves mutated replies by their numbers to a labeler, and looks at what it makes of them.
import { createServer } from 'node:http'
import { createRequire } from 'node:module'
import { endpointReply } from './endpoint-mutations.mjs'
import { quotes, unfoundedAnswer, unfoundedText } from './endpoint-oracle.mjs'

const require = createRequire(import.meta.url)
const { endpointLabeler } = require('../dist/feedback/endpoint-labeler.js')
const { labelerSchema } = require('../dist/contracts/labeler-settings.js')

const seed = Number(process.argv[2])
const OPTIONS = ['1', '2']
const QUESTION = { text: 'Which of the two?', ending: 'Preferred Summary=' }
const WRITING = { maxTokens: 64, temperature: 0, topK: 0, seed: 1, endsBefore: 'Preferred Summary' }
process.on('disconnect', () => process.exit(0))

let reply
const server = createServer((request, response) => {
  request
    .resume()
    .on('end', () => response.writeHead(reply.status, { 'content-type': 'application/json' }).end(reply.bytes))
})
await new Promise((up) => server.listen(0, '127.0.0.1', up))
const baseUrl = `http://127.0.0.1:${server.address().port}/v1`

function labelerOf({ dialect, thinking }) {
  const price = { inputPerMillion: 1, outputPerMillion: 1 }
  const given = { baseUrl, model: 'judge', dialect, thinking, retries: 0, timeoutSeconds: 5, price }
  const isCounted = ['openai-reasoning', 'anthropic', 'google'].includes(dialect)
  return endpointLabeler(labelerSchema.parse({ ...given, ...(isCounted && { countedAnswers: 2 }) }))
}

/** @returns what was answered, or why nothing was */
async function outcomeOf(labeler, asks) {
  try {
    const [answer] = await (asks === 'answer' ? labeler.ask([QUESTION], OPTIONS) : labeler.write([QUESTION], WRITING))
    if (answer?.failed !== undefined) return { failed: answer.failed }
    if (asks !== 'answer') return { answer }
    const says = answer.logProbs.some((logProb) => logProb !== undefined && logProb > -Infinity)
    return says ? { answer } : { failed: `the likeliest is ${answer.likeliest}` }
  } catch (error) {
    return /^Endpoint(Refused|Down)$|^Error$/.test(error.name) ? { failed: error.message } : { crashed: error.stack }
  }
}

function findingOf({ answer, failed, crashed }, { asks, status }, body, usage) {
  if (crashed !== undefined) return `throws ${crashed}`
  if (!Object.values(usage).every((amount) => Number.isFinite(amount) && amount >= 0))
    return `usage ${JSON.stringify(usage)}`
  if (failed !== undefined)
    return status === 204 || quotes(failed, body) ? undefined : `does not quote the server: ${failed}`
  if (status >= 300) return `an answer of status ${status}`
  return asks === 'answer' ? unfoundedAnswer(answer, OPTIONS, body) : unfoundedText(answer, body)
}

async function read(index) {
  reply = endpointReply(seed, index)
  const labeler = labelerOf(reply)
  const started = performance.now()
  const outcome = await outcomeOf(labeler, reply.asks)
  const ms = performance.now() - started
  const body = reply.bytes.toString('utf8')
  const finding = findingOf(outcome, reply, body, labeler.usage)
  const shown =
    finding && `${finding.slice(0, 400)}\n    status ${reply.status}, asked for ${reply.asks}: ${body.slice(0, 500)}`
  return { ms, refused: outcome.failed !== undefined, ...(shown && { finding: shown }) }
}

process.on('message', async (index) => process.send(await read(index)))
process.send({})
