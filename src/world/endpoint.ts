// The annotators of the miniature world as an OpenAI-compatible endpoint: the model's name is the annotator's. They answer the prompts of the
// tasks "summarization" and "harmless" as labelers are really sent them, so that prompts, log-probabilities, orders and scores are all on the path.
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { z } from 'zod'
import { InvalidInput } from '../contracts/parse'
import { readBody } from '../request-body'
import { ANNOTATORS, marginIn, marginOf, preferFirst, rationaleOf, scoresOf, type Annotator } from './annotator'
import { goldHarmless, goldScore } from './gold'

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

/** How a task writes what it shows, and the truth about a response. */
interface Kind {
  context: string
  responses: [first: string, second: string]
  scored: [context: string, response: string]
  gold(context: string, response: string): number
}

const KINDS: Kind[] = [
  {
    context: 'Text - ',
    responses: ['\nSummary 1 - ', '\nSummary 2 - '],
    scored: ['TEXT: ', '\nSUMMARY: '],
    gold: goldScore,
  },
  {
    context: 'Context - ',
    responses: ['\nResponse 1 - ', '\nResponse 2 - '],
    scored: ['CONTEXT: ', '\nRESPONSE: '],
    gold: goldHarmless,
  },
]

/** What a prompt shows, by its last marks: worked examples stand before it. @returns the texts between the marks and what comes after a blank line */
function shown(prompt: string, marks: readonly string[]): { texts: string[]; after: string } | undefined {
  const last = marks.at(-1)!
  const end = prompt.lastIndexOf(last)
  let from = end
  const starts = marks
    .slice(0, -1)
    .reverse()
    .map((mark) => ({ mark, at: (from = prompt.lastIndexOf(mark, from - 1)) }))
    .reverse()
  if (end < 0 || starts.some(({ at }) => at < 0)) return undefined
  const [final, ...after] = prompt.slice(end + last.length).split('\n\n')
  const ends = [...starts.slice(1).map(({ at }) => at), end]
  return {
    texts: [...starts.map(({ mark, at }, i) => prompt.slice(at + mark.length, ends[i])), final!].map((text) =>
      text.trim(),
    ),
    after: after.join('\n\n'),
  }
}

/** A task that asks for the worse of two says so in its preamble. */
const ASKS_FOR_WORSE = /\bmore harmful\b/
/** Two statements about one response, of which the right one is asked for. */
const STATEMENTS = /^1 - (.*)\n2 - (.*)\n/
const GOOD_STATEMENT = /\bis harmless\b/

/** @throws InvalidInput when the prompt is none that these annotators read */
export function annotate({ model, messages, max_tokens, temperature, seed }: Asked): Answer {
  const annotator: Annotator = { name: model, ...ANNOTATORS[model] }
  const prompt = messages.map(({ content }) => content).join('\n')
  for (const { context, responses, scored, gold } of KINDS) {
    const pair = shown(prompt, [context, ...responses])
    if (pair) return ofPair(annotator, pair, gold, ASKS_FOR_WORSE.test(prompt), { max_tokens, temperature, seed })
    const single = shown(prompt, scored)
    if (single) return ofOne(annotator, single, gold)
  }
  throw new InvalidInput(
    'world: the prompt shows neither two responses nor one of them; the annotators know the tasks "summarization" and "harmless"',
  )
}

function ofPair(
  annotator: Annotator,
  { texts, after }: { texts: string[]; after: string },
  gold: Kind['gold'],
  asksForWorse: boolean,
  { max_tokens, temperature, seed }: Pick<Asked, 'max_tokens' | 'temperature' | 'seed'>,
): Answer {
  const [context, first, second] = texts as [string, string, string]
  const margin = marginIn(after) ?? marginOf(annotator, [gold(context, first), gold(context, second)], [first, second])
  if (max_tokens > 1) return { text: rationaleOf(margin, temperature, seed) }
  const p = preferFirst(annotator, asksForWorse ? -margin : margin)
  return { probabilities: { '1': p, '2': 1 - p } }
}

/** A score from 1 to 10, or which of two statements is right. */
function ofOne(annotator: Annotator, { texts, after }: { texts: string[]; after: string }, gold: Kind['gold']): Answer {
  const [context, response] = texts as [string, string]
  const truth = gold(context, response)
  const [, one, two] = STATEMENTS.exec(after) ?? []
  if (one === undefined || two === undefined)
    return { probabilities: Object.fromEntries(scoresOf(annotator, truth, response).map((p, i) => [`${i + 1}`, p])) }
  const margin = marginOf(annotator, [truth, 1 - truth], [response, ''])
  const p = preferFirst(annotator, GOOD_STATEMENT.test(one) ? margin : -margin)
  return { probabilities: { '1': p, '2': 1 - p } }
}

function replyTo(asked: Asked): object {
  const answer = annotate(asked)
  const characters = asked.messages.reduce((sum, { content }) => sum + content.length, 0)
  const usage = {
    prompt_tokens: Math.ceil(characters / 4),
    completion_tokens: 'text' in answer ? Math.ceil(answer.text.length / 4) : 1,
  }
  if ('text' in answer) return { choices: [{ message: { content: answer.text } }], usage }
  const top = Object.entries(answer.probabilities)
    .map(([token, p]) => ({ token, logprob: Math.log(Math.max(p, 1e-30)) }))
    .sort((a, b) => b.logprob - a.logprob)
  return {
    choices: [{ message: { content: top[0]!.token }, logprobs: { content: [{ ...top[0]!, top_logprobs: top }] } }],
    usage,
  }
}

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const send = (status: number, body: object) =>
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
  if (request.method !== 'POST' || request.url !== '/v1/chat/completions')
    return void send(404, { error: { message: 'POST /v1/chat/completions is all there is' } })
  try {
    const asked = requestSchema.safeParse(JSON.parse(await readBody(request, MOST_BYTES)))
    if (!asked.success)
      return void send(400, {
        error: { message: `field "${asked.error.issues[0]?.path.join('.')}": ${asked.error.issues[0]?.message}` },
      })
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

/** Base URL of an endpoint. */
export const annotatorsUrl = (server: Server): string => `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`

let here: Promise<Server> | undefined
/** Base URL of the annotators of this process, opened at the first call; they hold no process up. */
export async function annotatorsHere(): Promise<string> {
  here ??= openAnnotators(0).then((server) => server.unref().on('connection', (socket) => socket.unref()))
  return annotatorsUrl(await here)
}
