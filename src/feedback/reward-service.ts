// Rewards over HTTP for external trainers: the labeler's direct score (paper §2.2.2) of the responses they sampled. It
// speaks the protocol of OpenRLHF's remote reward models, {"query", "prompts", "labels"} → {"rewards", "scores",
// "extra_logs"}, and also accepts {"prompts", "completions"}.
//
// A response that could not be scored fails the request: a made-up reward would train the policy on nothing. Answers
// are cached, so a trainer that repeats a request does not pay twice. What a web page of another site may have sent is
// refused: it would spend money.
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { z } from 'zod'
import { InvalidInput, parse } from '../contracts/parse'
import type { Task } from '../data/task'
import { urlOf } from '../http/answer'
import { readBody } from '../http/body'
import { refusalByOrigin, refusalByType, type Refusal } from '../http/guard'
import { hasToken } from '../http/token'
import { isStrict } from '../strict'
import { scoreLevels } from './answer-levels'
import { directRewards, rewardScale, scoreQuestion, stripTrailingJunk } from './direct-score'
import { isUnanswered, type Labeler } from './labeler'
import { specialTokens, type SpecialTokens } from './special-tokens'

const LARGEST_BODY = 32 * 1024 * 1024
const MOST_RESPONSES = 8192

const texts = z.array(z.string()).min(1).max(MOST_RESPONSES)
const requestSchema = z
  .object({
    prompts: texts,
    completions: texts.optional(),
    query: texts.optional().describe('Prompt and response in one text.'),
    labels: z.array(z.unknown()).nullish(),
  })
  .refine(({ completions, query }) => completions !== undefined || query !== undefined, {
    path: ['query'],
    message: 'requires "query" (prompt and response in one text) or "completions"',
  })
  .refine(
    ({ prompts, completions, query, labels }) =>
      [completions, query, labels].every((list) => !list || list.length === prompts.length),
    { path: ['prompts'], message: 'must have the same length as the other lists' },
  )
type RewardRequest = z.infer<typeof requestSchema>

export interface RewardService {
  task: Task
  labeler: Labeler
  /**
   * What the labeler is shown as the post or conversation: the prompts as they were sent or, if these carry a chat
   * template, the labels.
   */
  context: 'prompts' | 'labels'
  /** Required as `Authorization: Bearer …` or `?token=…`. Default: no token is required. */
  token?: string | undefined
  /** Stripped around prompts and responses. Default: the common ones. */
  special?: SpecialTokens | undefined
}

export function openRewardServer(service: RewardService, port: number, host: string): Promise<Server> {
  const server = createServer((request, response) => {
    handle(service, request, response, host).catch((error: Error) =>
      reply(response, error instanceof InvalidInput ? 400 : 502, { error: error.message }),
    )
  })
  return new Promise((resolve, reject) => {
    server.once('error', (error) =>
      reject(new InvalidInput(`serve-reward: cannot listen on ${host}:${port}: ${error.message}`)),
    )
    server.listen(port, host, () => resolve(server))
  })
}

function reply(response: ServerResponse, status: number, body: object): void {
  response
    .writeHead(status, { 'content-type': 'application/json', 'x-content-type-options': 'nosniff' })
    .end(JSON.stringify(body))
}

async function handle(
  service: RewardService,
  request: IncomingMessage,
  response: ServerResponse,
  servedAt: string,
): Promise<void> {
  const refuse = ({ status, reason }: Refusal) =>
    reply(response.setHeader('connection', 'close'), status, { error: `serve-reward: ${reason}` })
  const foreign = refusalByOrigin(request, { address: servedAt })
  if (foreign) return refuse(foreign)
  const url = urlOf(request)
  const isAllowed = hasToken(request, service.token, url.searchParams.get('token'))
  if (url.pathname === '/healthz')
    return reply(
      response,
      200,
      isAllowed || !isStrict() ? { labeler: service.labeler.name, task: service.task.name } : {},
    )
  if (!isAllowed) return reply(response, 401, { error: 'serve-reward: the token is missing or wrong' })
  if (request.method !== 'POST' || url.pathname !== '/get_reward')
    return reply(response, 404, { error: 'serve-reward: not found; the routes are POST /get_reward and GET /healthz' })
  const otherType = refusalByType(request)
  if (otherType) return refuse(otherType)
  const rewards = await rewardsOf(
    service,
    parse(requestSchema, bodyAsJson(await readBody(request, LARGEST_BODY).catch(asInvalid)), 'serve-reward'),
  )
  reply(response, 200, {
    rewards,
    scores: rewards,
    extra_logs: { direct_score: rewards.map(rewardScale(scoreLevels(service.task)).scoreOf) },
  })
}

const asInvalid = (error: Error): never => {
  throw new InvalidInput(`serve-reward: ${error.message}`, { cause: error })
}

function bodyAsJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    return asInvalid(error as Error)
  }
}

/** @returns one reward in [-1, 1] for each response */
async function rewardsOf(
  { task, labeler, context, special = specialTokens() }: RewardService,
  { prompts, completions, query, labels }: RewardRequest,
): Promise<number[]> {
  const responses = completions ?? query!.map((text, i) => responseIn(text, prompts[i]!, special, i))
  const contexts = context === 'prompts' ? prompts.map(special.strip) : prompts.map((_, i) => labelText(labels?.[i], i))
  const scored = await directRewards(
    labeler,
    responses.map((response, i) => scoreQuestion(task, contexts[i]!, stripTrailingJunk(special.strip(response)))),
    scoreLevels(task),
  )
  return scored.map((reward, i) => {
    if (isUnanswered(reward))
      throw new Error(`serve-reward: ${labeler.name} gave no score for response ${i}: ${reward.failed}`)
    return reward
  })
}

/** What follows the prompt; either may begin with special tokens that the other lacks, and the query with padding. */
function responseIn(query: string, prompt: string, { stripStart }: SpecialTokens, i: number): string {
  const [text, start] = [stripStart(query), stripStart(prompt)]
  if (!text.startsWith(start))
    throw new InvalidInput(
      `serve-reward: field "query.${i}" does not start with its prompt, apart from special tokens; ` +
        '--special-tokens names others than the common ones',
    )
  return text.slice(start.length)
}

function labelText(label: unknown, i: number): string {
  if (typeof label !== 'string')
    throw new InvalidInput(
      `serve-reward: field "labels.${i}" is not a text, but the service was started with --context labels`,
    )
  return label
}
