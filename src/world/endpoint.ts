// The annotators of the miniature world as an OpenAI-compatible endpoint: the model's name is the annotator's. They answer the prompts of task
// "summarization" as labelers are really sent them, so that prompts, log-probabilities, orders and scores are all on the path.
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { z } from 'zod'
import { InvalidInput } from '../contracts/parse'
import { readBody } from '../request-body'
import { ANNOTATORS, marginIn, marginOf, preferFirst, rationaleOf, scoresOf, type Annotator } from './annotator'
import { goldScore } from './gold'

const MOST_BYTES = 1024 ** 2

const requestSchema = z.object({
  model: z.enum(Object.keys(ANNOTATORS) as [keyof typeof ANNOTATORS, ...(keyof typeof ANNOTATORS)[]]),
  messages: z.array(z.object({ content: z.string() })).min(1),
  max_tokens: z.number().default(1),
  temperature: z.number().default(0),
  seed: z.number().default(0),
})
type Asked = z.infer<typeof requestSchema>

type Answer = { text: string } | { probabilities: Record<string, number> }

/** The pair that a labelling prompt ends with; worked examples stand before it. */
function pairIn(prompt: string): { post: string; summaries: [string, string]; after: string } | undefined {
  const marks = ['Text - ', '\nSummary 1 - ', '\nSummary 2 - ']
  const second = prompt.lastIndexOf(marks[2]!)
  const first = prompt.lastIndexOf(marks[1]!, second)
  const text = prompt.lastIndexOf(marks[0]!, first)
  if (text < 0 || first < 0 || second < 0) return undefined
  const [last, ...after] = prompt.slice(second + marks[2]!.length).split('\n\n')
  return { post: prompt.slice(text + marks[0]!.length, first), summaries: [prompt.slice(first + marks[1]!.length, second), last!], after: after.join('\n\n') }
}

/** The summary that a scoring prompt ends with. */
function scoredIn(prompt: string): { post: string; summary: string } | undefined {
  const [, post, summary] = /TEXT: ([\s\S]*)\nSUMMARY: ([\s\S]*?)\n\nSCORE: *$/.exec(prompt) ?? []
  return post === undefined || summary === undefined ? undefined : { post, summary }
}

/** @throws InvalidInput when the prompt is none that these annotators read */
export function annotate({ model, messages, max_tokens, temperature, seed }: Asked): Answer {
  const annotator: Annotator = { name: model, ...ANNOTATORS[model] }
  const prompt = messages.map(({ content }) => content).join('\n')
  const scored = scoredIn(prompt)
  if (scored) return { probabilities: Object.fromEntries(scoresOf(annotator, goldScore(scored.post, scored.summary), scored.summary).map((p, i) => [`${i + 1}`, p])) }
  const pair = pairIn(prompt)
  if (!pair) throw new InvalidInput('world: the prompt ends with neither a pair of summaries nor a summary to score; the annotators know task "summarization" alone')
  const [first, second] = pair.summaries
  const margin = marginIn(pair.after) ?? marginOf(annotator, [goldScore(pair.post, first), goldScore(pair.post, second)], pair.summaries)
  if (max_tokens > 1) return { text: rationaleOf(margin, temperature, seed) }
  const p = preferFirst(annotator, margin)
  return { probabilities: { '1': p, '2': 1 - p } }
}

function replyTo(asked: Asked): object {
  const answer = annotate(asked)
  const characters = asked.messages.reduce((sum, { content }) => sum + content.length, 0)
  const usage = { prompt_tokens: Math.ceil(characters / 4), completion_tokens: 'text' in answer ? Math.ceil(answer.text.length / 4) : 1 }
  if ('text' in answer) return { choices: [{ message: { content: answer.text } }], usage }
  const top = Object.entries(answer.probabilities).map(([token, p]) => ({ token, logprob: Math.log(Math.max(p, 1e-30)) })).sort((a, b) => b.logprob - a.logprob)
  return { choices: [{ message: { content: top[0]!.token }, logprobs: { content: [{ ...top[0]!, top_logprobs: top }] } }], usage }
}

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const send = (status: number, body: object) => response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
  if (request.method !== 'POST' || request.url !== '/v1/chat/completions') return void send(404, { error: { message: 'POST /v1/chat/completions is all there is' } })
  try {
    const asked = requestSchema.safeParse(JSON.parse(await readBody(request, MOST_BYTES)))
    if (!asked.success) return void send(400, { error: { message: `field "${asked.error.issues[0]?.path.join('.')}": ${asked.error.issues[0]?.message}` } })
    send(200, replyTo(asked.data))
  } catch (error) {
    send(400, { error: { message: (error as Error).message } })
  }
}

/** Serves on the loopback interface alone. @returns the server, listening */
export async function openAnnotators(port: number): Promise<Server> {
  const server = createServer((request, response) => void answer(request, response))
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(port, '127.0.0.1', resolve))
  return server
}
