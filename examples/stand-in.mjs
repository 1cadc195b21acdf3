// A stand-in for a labeler, to try rlaif without a model server: an OpenAI-compatible endpoint that finds short texts
// better. It answers the plain preference question and the score from 1 to 10 of rlaif's tasks.
//
//   node examples/stand-in.mjs 8000      # serves http://127.0.0.1:8000/v1 until Ctrl-C
import { createServer } from 'node:http'
import { pathToFileURL } from 'node:url'

/** Characters by which a text must be shorter for odds of e to 1. */
const SCALE = 40
const SCORES = ['1', '2', '3', '4', '5', '6', '7', '8', '9', '10']

/** Probability of each answer to a prompt. */
function answersTo(prompt) {
  const pair = /^\w+ 1 - ([^]*)\n\w+ 2 - ([^]*?)\n+Preferred/m.exec(prompt.slice(prompt.lastIndexOf(' 1 - ') - 20))
  if (pair) {
    const first = 1 / (1 + Math.exp((pair[1].length - pair[2].length) / SCALE))
    return { 1: first, 2: 1 - first }
  }
  const [, response = ''] = /(?:RESPONSE|SUMMARY): ([^]*?)\n+SCORE/.exec(prompt) ?? []
  const score = Math.max(1, 10 - response.length / SCALE)
  const weights = SCORES.map((_, i) => Math.exp(-Math.abs(i + 1 - score)))
  const total = weights.reduce((sum, weight) => sum + weight, 0)
  return Object.fromEntries(SCORES.map((text, i) => [text, weights[i] / total]))
}

/** The reply of the chat route: the likeliest answer, and the log-probabilities of all. */
function reply({ messages }) {
  const top = Object.entries(answersTo(messages.map(({ content }) => content).join('\n')))
    .map(([token, p]) => ({ token, logprob: Math.log(p) }))
    .sort((a, b) => b.logprob - a.logprob)
  return {
    choices: [{ message: { content: top[0].token }, logprobs: { content: [{ ...top[0], top_logprobs: top }] } }],
  }
}

/** Starts the endpoint; port 0 takes a free one. @returns its base URL, and how to close it */
export async function openStandIn(port = 0) {
  const server = createServer(async (request, response) => {
    let body = ''
    for await (const part of request) body += part
    response.setHeader('content-type', 'application/json').end(JSON.stringify(reply(JSON.parse(body))))
  })
  await new Promise((resolve, reject) => server.once('error', reject).listen(port, '127.0.0.1', resolve))
  return {
    baseUrl: `http://127.0.0.1:${server.address().port}/v1`,
    close: () => new Promise((resolve) => server.close(resolve).closeAllConnections()),
  }
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  const { baseUrl } = await openStandIn(Number(process.argv[2] ?? 8000))
  console.log(`Serving ${baseUrl} until Ctrl-C. It finds short texts better.`)
}
