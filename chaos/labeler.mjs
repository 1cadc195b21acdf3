// Labelers that count: an OpenAI-compatible endpoint whose models prefer the shorter response, each by how much, and which
// knows how often each was asked what.
import { createServer } from 'node:http'

/** How long an answer takes: long enough that questions are in flight when a process is killed. */
const DELAY_MS = 15

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms))

async function bodyOf(request) {
  let text = ''
  for await (const chunk of request) text += chunk
  return JSON.parse(text)
}

const promptOf = ({ messages, prompt }) => prompt ?? messages.map(({ content }) => content).join('\n')

/** P("1") of a question about two responses; by the length of the question where there are none. */
function probability(question, model) {
  const responses = /.*(?:Summary|Response) 1 - (.*?)\n(?:Summary|Response) 2 - (.*?)\n/s.exec(question)
  const difference = responses ? responses[2].length - responses[1].length : (question.length % 7) - 3
  return 1 / (1 + Math.exp(-difference / (8 * numberOf(model))))
}
/** 1 of "counting", 2 of "counting-2". */
const numberOf = (model) => Number(/-(\d+)$/.exec(model)?.[1] ?? 1)

function replyTo(question, model, isChat) {
  const p = probability(question, model)
  const top = [
    { token: '1', logprob: Math.log(p) },
    { token: '2', logprob: Math.log(1 - p) },
  ].sort((a, b) => b.logprob - a.logprob)
  const usage = { prompt_tokens: question.length, completion_tokens: 1 }
  const [{ token }] = top
  const choice = isChat
    ? { message: { content: token }, logprobs: { content: [{ ...top[0], top_logprobs: top }] } }
    : {
        text: token,
        logprobs: {
          tokens: [token],
          top_logprobs: [Object.fromEntries(top.map(({ token, logprob }) => [token, logprob]))],
        },
      }
  return { choices: [choice], usage }
}

/** @returns its address, how it was asked since the last `reset`, and `close` */
export async function startLabeler() {
  let asked = []
  const server = createServer(async (request, response) => {
    try {
      const body = await bodyOf(request)
      const question = promptOf(body)
      asked.push(`${body.model}: ${question}`)
      await pause(DELAY_MS)
      const isChat = request.url.endsWith('/chat/completions')
      response.setHeader('content-type', 'application/json').end(JSON.stringify(replyTo(question, body.model, isChat)))
    } catch {
      response.destroy() // who asked was killed in mid-sentence
    }
  })
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    baseUrl: `http://127.0.0.1:${server.address().port}/v1`,
    reset: () => (asked = []),
    counts: () => ({ asked: asked.length, again: asked.length - new Set(asked).size }),
    close: () => new Promise((resolve) => server.close(resolve).closeAllConnections()),
  }
}
