// The annotators of the miniature world as an OpenAI-compatible endpoint; the model's name selects the annotator. They
// answer the prompts of the tasks "summarization" and "harmless" exactly as labelers are sent them, so that prompts,
// log-probabilities, orders and scores are all exercised.
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Hono } from 'hono'
import { z } from 'zod'
import { InvalidInput } from '../contracts/parse'
import { atMost, listen, refuseInText, type App, type AppContext } from '../http/server'
import {
  annotatorNamed,
  ANNOTATORS,
  aspectScoresOf,
  marginIn,
  marginOf,
  preferFirst,
  rationaleOf,
  scoresOf,
  type Annotator,
} from './annotator'
import { goldAspects, goldHarmless, goldScore, type Aspects } from './gold'

const MAX_BODY_BYTES = 1024 ** 2
const ADDRESS = '127.0.0.1'

const requestSchema = z.object({
  model: z.string().transform((name, { addIssue }) => {
    const annotator = annotatorNamed(name)
    if (annotator) return annotator
    const known = Object.keys(ANNOTATORS)
      .map((kind) => `"${kind}"`)
      .join(', ')
    addIssue({ code: 'custom', message: `expected one of ${known}, or a colleague of one of them such as "XS-2"` })
    return z.NEVER
  }),
  messages: z.array(z.object({ content: z.string() })).min(1),
  max_tokens: z.number().default(1),
  temperature: z.number().default(0),
  seed: z.number().default(0),
})
type CompletionRequest = z.infer<typeof requestSchema>

type Answer = { text: string } | { probabilities: Record<string, number> }

/** The marks of a task's prompts, and the gold score of its responses. */
interface TaskFormat {
  context: string
  responses: [first: string, second: string]
  /** Marks of the prompts that show a single response. */
  single: [context: string, response: string]
  gold(context: string, response: string): number
  aspects?(context: string, response: string): Aspects
}

const TASK_FORMATS: TaskFormat[] = [
  {
    context: 'Text - ',
    responses: ['\nSummary 1 - ', '\nSummary 2 - '],
    single: ['TEXT: ', '\nSUMMARY: '],
    gold: goldScore,
    aspects: goldAspects,
  },
  {
    context: 'Context - ',
    responses: ['\nResponse 1 - ', '\nResponse 2 - '],
    single: ['CONTEXT: ', '\nRESPONSE: '],
    gold: goldHarmless,
  },
]

/** What a prompt shows. */
interface Shown {
  /** The texts between the marks. */
  texts: string[]
  /** What follows the last text after a blank line. */
  after: string
}

/** Reads the texts after the last occurrence of each mark: worked examples come earlier in the prompt. */
function shownBy(prompt: string, marks: readonly string[]): Shown | undefined {
  const lastMark = marks.at(-1)!
  const end = prompt.lastIndexOf(lastMark)
  let from = end
  const starts = marks
    .slice(0, -1)
    .reverse()
    .map((mark) => ({ mark, at: (from = prompt.lastIndexOf(mark, from - 1)) }))
    .reverse()
  if (end < 0 || starts.some(({ at }) => at < 0)) return undefined
  const [lastText, ...after] = prompt.slice(end + lastMark.length).split('\n\n')
  const ends = [...starts.slice(1).map(({ at }) => at), end]
  const texts = [...starts.map(({ mark, at }, i) => prompt.slice(at + mark.length, ends[i])), lastText!]
  return { texts: texts.map((text) => text.trim()), after: after.join('\n\n') }
}

/** A task that asks for the worse of two says so in its preamble. */
const ASKS_FOR_WORSE = /\bmore harmful\b/
/** Two statements about a single response; the question asks which is true. */
const STATEMENTS = /^1 - (.*)\n2 - (.*)\n/
const GOOD_STATEMENT = /\bis harmless\b/

/** What a criterion of the task's rubric says that it asks for. */
const ASPECTS: readonly (readonly [keyof Aspects, RegExp])[] = [
  ['coverage', /\bwho did what\b/],
  ['faithfulness', /\bnothing that the TEXT does not say\b/],
  ['brevity', /\bnothing beside the point\b/],
  ['form', /\bwhole sentences\b/],
]

/** @throws InvalidInput if the prompt is not of a task that these annotators know */
function annotate(request: CompletionRequest): Answer {
  const annotator = request.model
  const prompt = request.messages.map(({ content }) => content).join('\n')
  for (const format of TASK_FORMATS) {
    const { context, responses, single, gold } = format
    const pair = shownBy(prompt, [context, ...responses])
    if (pair) {
      const margin = marginOfPair(annotator, pair, gold)
      if (request.max_tokens > 1) return { text: rationaleOf(margin, request.temperature, request.seed) }
      return choice(annotator, ASKS_FOR_WORSE.test(prompt) ? -margin : margin)
    }
    const one = shownBy(prompt, single)
    if (one) {
      const question = prompt.slice(0, prompt.lastIndexOf(single[0]))
      return aspectAnswer(annotator, one, question, format) ?? answerSingle(annotator, one, gold)
    }
  }
  throw new InvalidInput(
    'world: the prompt shows neither two responses nor one of them; ' +
      'the annotators know the tasks "summarization" and "harmless"',
  )
}

/** A choice between "1" and "2". @param margin by which the first is preferred */
function choice(annotator: Annotator, margin: number): Answer {
  const p = preferFirst(annotator, margin)
  return { probabilities: { '1': p, '2': 1 - p } }
}

/** The margin that a rationale in the prompt states, otherwise the annotator's own. */
function marginOfPair(annotator: Annotator, { texts, after }: Shown, gold: TaskFormat['gold']): number {
  const [context, first, second] = texts as [string, string, string]
  return marginIn(after) ?? marginOf(annotator, [gold(context, first), gold(context, second)], [first, second])
}

const answerOf = (scores: readonly number[]): Answer => ({
  probabilities: Object.fromEntries(scores.map((p, i) => [`${i + 1}`, p])),
})

/** A score from 1 to 10 of the aspect that a criterion asks for. @returns undefined if the question is no such criterion */
function aspectAnswer(
  annotator: Annotator,
  { texts }: Shown,
  question: string,
  { aspects }: TaskFormat,
): Answer | undefined {
  const [context, response] = texts as [string, string]
  const asked = ASPECTS.find(([, words]) => words.test(question))?.[0]
  if (asked === undefined || !aspects) return undefined
  return answerOf(aspectScoresOf(annotator, asked, aspects(context, response)[asked], response))
}

/** A score from 1 to 10 or, if the prompt has two statements, which of them is true. */
function answerSingle(annotator: Annotator, { texts, after }: Shown, gold: TaskFormat['gold']): Answer {
  const [context, response] = texts as [string, string]
  const truth = gold(context, response)
  const [, one, two] = STATEMENTS.exec(after) ?? []
  if (one === undefined || two === undefined) return answerOf(scoresOf(annotator, truth, response))
  const margin = marginOf(annotator, [truth, 1 - truth], [response, ''])
  return choice(annotator, GOOD_STATEMENT.test(one) ? margin : -margin)
}

function replyTo(request: CompletionRequest): object {
  const answer = annotate(request)
  const characters = request.messages.reduce((sum, { content }) => sum + content.length, 0)
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

function annotatorsApp(): App {
  const app: App = new Hono()
  const refused = (c: AppContext, status: 400 | 404, message: string) => c.json({ error: { message } }, status)
  const tooLong = atMost(MAX_BODY_BYTES, (c, reason) => refused(c, 400, reason))
  app.post('/v1/chat/completions', tooLong, async (c) => {
    const parsed = requestSchema.safeParse(await c.req.json())
    const [issue] = parsed.error?.issues ?? []
    return parsed.success
      ? c.json(replyTo(parsed.data))
      : refused(c, 400, `field "${issue?.path.join('.')}": ${issue?.message}`)
  })
  app.notFound((c) => refused(c, 404, 'not found; the only route is POST /v1/chat/completions'))
  app.onError((error, c) => refused(c, 400, error.message))
  return app
}

/** Serves on the loopback interface only. @returns the server, listening */
export const openAnnotators = (port: number): Promise<Server> =>
  listen(annotatorsApp(), { port, door: { address: ADDRESS }, refuse: refuseInText('world') })

/** Base URL of an endpoint. */
export const annotatorsUrl = (server: Server): string => `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`

let localServer: Promise<Server> | undefined
/** Base URL of this process's annotators, opened at the first call. They do not keep the process running. */
export async function annotatorsHere(): Promise<string> {
  localServer ??= openAnnotators(0).then((server) => server.unref().on('connection', (socket) => socket.unref()))
  return annotatorsUrl(await localServer)
}
