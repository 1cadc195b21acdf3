// A programmable OpenAI-compatible endpoint over real HTTP: a rule gives the log-probabilities, faults can be put in front.
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

export type Rule = (prompt: string) => Record<string, number>
/** What happens to a request before the rule sees it; true when it was answered. */
export type Fault = (request: number, response: ServerResponse) => boolean

export interface Endpoint {
  baseUrl: string
  /** Prompts in the order they came. */
  prompts: string[]
  keys: (string | undefined)[]
  close(): Promise<void>
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  let text = ''
  for await (const chunk of request) text += String(chunk)
  return text
}

export async function startEndpoint(rule: Rule, fault: Fault = () => false): Promise<Endpoint> {
  const prompts: string[] = []
  const keys: (string | undefined)[] = []
  const server = createServer((request, response) => {
    void bodyOf(request).then((text) => {
      const { messages } = JSON.parse(text) as { messages: { content: string }[] }
      prompts.push(messages[0]!.content)
      keys.push(request.headers.authorization)
      if (fault(prompts.length, response)) return
      const top = Object.entries(rule(messages[0]!.content)).map(([token, p]) => ({ token, logprob: Math.log(p) })).sort((a, b) => b.logprob - a.logprob)
      response.setHeader('content-type', 'application/json')
      response.end(JSON.stringify({ choices: [{ message: { content: top[0]?.token }, logprobs: { content: [{ ...top[0]!, top_logprobs: top }] } }] }))
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`,
    prompts,
    keys,
    close: () => new Promise((resolve) => server.close(() => resolve()).closeAllConnections()),
  }
}
