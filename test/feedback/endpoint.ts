// A programmable OpenAI-compatible endpoint over real HTTP, chat and completion route: a rule gives the probabilities
// of the answer or the text to write, faults can be injected, and it records what it was asked.
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

/** The whole prompt → probabilities of the next token, or a text. */
export type Rule = (prompt: string, body: Record<string, unknown>) => Record<string, number> | string
/** A labeler that looks at the texts, whatever their order: a labeler of slots alone would say 0.5 of every pair. */
export const preferShorter: Rule = (prompt) => {
  const [, first = '', second = ''] =
    /.*(?:Summary|Response) 1 - (.*?)\n(?:Summary|Response) 2 - (.*?)\n/s.exec(prompt) ?? []
  return first.length < second.length ? { '1': 0.6, '2': 0.3 } : { '1': 0.3, '2': 0.6 }
}

/** Scores that depend on the text alone, whenever it is asked about. */
export const scoreByLength: Rule = (prompt) => ({ '1': 0.05 * (1 + (prompt.length % 7)), '9': 0.6 })

/** A fault that is not tried again: the stage parks at once, as for a wrong key. */
export const refusesKey: Fault = (_, response) => Boolean(response.writeHead(401).end('bad key'))

/** What happens to a request before the rule sees it; true if the fault has handled it. */
export type Fault = (request: number, response: ServerResponse, prompt: string) => boolean

export interface Endpoint {
  baseUrl: string
  /** Prompts in order of arrival. */
  prompts: string[]
  bodies: Record<string, unknown>[]
  keys: (string | undefined)[]
  headers: IncomingMessage['headers'][]
  /** The largest number of concurrent requests. */
  mostAtOnce: number
  close(): Promise<void>
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  let text = ''
  for await (const chunk of request) text += String(chunk)
  return text
}

interface Body {
  messages?: { content: string }[]
  prompt?: string
}

const promptOf = ({ messages, prompt }: Body) => prompt ?? messages!.map(({ content }) => content).join('\n')

function reply(isChat: boolean, outcome: Record<string, number> | string, prompt: string) {
  const top =
    typeof outcome === 'string'
      ? []
      : Object.entries(outcome)
          .map(([token, p]) => ({ token, logprob: Math.log(p) }))
          .sort((a, b) => b.logprob - a.logprob)
  const text = typeof outcome === 'string' ? outcome : (top[0]?.token ?? '')
  const usage = { prompt_tokens: Math.ceil(prompt.length / 4), completion_tokens: Math.ceil(text.length / 4) }
  if (isChat)
    return {
      choices: [
        {
          message: { content: text },
          logprobs: top.length > 0 ? { content: [{ ...top[0]!, top_logprobs: top }] } : null,
        },
      ],
      usage,
    }
  return {
    choices: [
      {
        text,
        logprobs:
          top.length > 0
            ? { tokens: [text], top_logprobs: [Object.fromEntries(top.map(({ token, logprob }) => [token, logprob]))] }
            : null,
      },
    ],
    usage,
  }
}

export async function startEndpoint(rule: Rule, fault: Fault = () => false, delayMs = 0): Promise<Endpoint> {
  const endpoint: Endpoint = {
    baseUrl: '',
    prompts: [],
    bodies: [],
    keys: [],
    headers: [],
    mostAtOnce: 0,
    close: () => Promise.resolve(),
  }
  let open = 0
  const answer = async (request: IncomingMessage, response: ServerResponse) => {
    endpoint.mostAtOnce = Math.max(endpoint.mostAtOnce, ++open)
    response.on('close', () => open--)
    const body = JSON.parse(await bodyOf(request)) as Body & Record<string, unknown>
    const prompt = promptOf(body)
    endpoint.prompts.push(prompt)
    endpoint.bodies.push(body)
    endpoint.headers.push(request.headers)
    endpoint.keys.push(request.headers.authorization)
    if (fault(endpoint.prompts.length, response, prompt)) return
    if (delayMs > 0) await new Promise((resolve) => setTimeout(resolve, delayMs))
    response
      .setHeader('content-type', 'application/json')
      .end(JSON.stringify(reply(request.url!.endsWith('/chat/completions'), rule(prompt, body), prompt)))
  }
  const server = createServer((request, response) => void answer(request, response))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  endpoint.baseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`
  endpoint.close = () => new Promise((resolve) => server.close(() => resolve()).closeAllConnections())
  return endpoint
}

/**
 * An endpoint that answers so many questions: whoever asks more stands still, as a stage that is to be killed at a step.
 * What is asked after `release` is answered.
 */
export async function startHoldingEndpoint(rule: Rule, most: number): Promise<Endpoint & { release(): void }> {
  let holds = true
  const endpoint = await startEndpoint(rule, (request) => holds && request > most)
  return Object.assign(endpoint, { release: () => void (holds = false) })
}
