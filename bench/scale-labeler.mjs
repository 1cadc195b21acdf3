// The labeler of bench/scale.mjs: an endpoint whose answer depends on the question alone. Says what it was sent.
import { createServer } from 'node:http'

const OPTIONS = Array.from({ length: 10 }, (_, i) => String(i + 1))
let requests = 0
let bytes = 0

/** Log-probabilities of all scores, from a number. */
function answer(seed) {
  const weights = OPTIONS.map((_, i) => Math.exp(-((seed * (i + 7)) % 13) / 4))
  const sum = weights.reduce((a, b) => a + b, 0)
  const top = OPTIONS.map((token, i) => ({ token, logprob: Math.log(weights[i] / sum) }))
  const best = top.reduce((a, b) => (a.logprob >= b.logprob ? a : b))
  return JSON.stringify({
    choices: [
      {
        message: { content: best.token },
        logprobs: { content: [{ ...best, top_logprobs: top }] },
        finish_reason: 'stop',
      },
    ],
    usage: { prompt_tokens: 300, completion_tokens: 1 },
  })
}

const server = createServer((request, response) => {
  let sum = 0
  request.on('data', (chunk) => {
    bytes += chunk.length
    for (let i = 0; i < chunk.length; i += 97) sum = (sum + chunk[i]) >>> 0
  })
  request.on('end', () => {
    requests++
    response.setHeader('content-type', 'application/json').end(answer(sum))
  })
})
server.listen(0, '127.0.0.1', () => process.send({ port: server.address().port }))
process.on('message', () => process.send({ requests, bytes }))
process.on('disconnect', () => process.exit())
