// The endpoint of bench/label.mjs: answers each request after a fixed delay.
import { createServer } from 'node:http'

const delay = Number(process.argv[2])
const body = JSON.stringify({
  choices: [
    {
      message: { content: '1' },
      logprobs: {
        content: [
          {
            token: '1',
            logprob: -0.5,
            top_logprobs: [
              { token: '1', logprob: -0.5 },
              { token: '2', logprob: -1 },
            ],
          },
        ],
      },
    },
  ],
  usage: { prompt_tokens: 150, completion_tokens: 1 },
})

const server = createServer((request, response) => {
  request
    .resume()
    .on('end', () => setTimeout(() => response.setHeader('content-type', 'application/json').end(body), delay))
})
server.listen(0, '127.0.0.1', () => process.send(server.address().port))
