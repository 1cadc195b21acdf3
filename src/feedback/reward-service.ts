// Rewards over HTTP for external trainers: the labeler's direct score (paper §2.2.2) of the responses they sampled, as
// OpenRLHF, TRL and slime ask for them (reward-request.ts).
//
// A response that could not be scored fails the request: a made-up reward would train the policy on nothing. Answers
// are cached, so a trainer that repeats a request does not pay twice. While the labeler's endpoint is out, a request
// waits: trainers give up after a few failures, and with them the work of hours. What a web page of another site may
// have sent is refused: it would spend money.
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { InvalidInput } from '../contracts/parse'
import type { Task } from '../data/task'
import { urlOf } from '../http/answer'
import { readBody } from '../http/body'
import { refusalByOrigin, refusalByType, type Refusal } from '../http/guard'
import { hasToken } from '../http/token'
import { isStrict } from '../strict'
import { scoreLevels } from './answer-levels'
import { rewardScale, stripTrailingJunk } from './direct-score'
import { EndpointDown, saysOutage } from './endpoint-errors'
import type { Asked } from './jury'
import { isUnanswered } from './labeler'
import { liveScores, type LiveScore } from './live-score'
import { readRequest, type Sample } from './reward-request'
import { specialTokens, type SpecialTokens } from './special-tokens'
import type { Technique } from './technique'
import { backoff } from './throttle'

const LARGEST_BODY = 32 * 1024 * 1024

export interface RewardService {
  task: Task
  labeler: Asked
  /** How it is asked: by the task's score question, or by its rubric. The members of a jury have each their own. */
  technique?: Technique | undefined
  /**
   * What the labeler is shown as the post or conversation: the prompts as they were sent or, if these carry a chat
   * template, the labels.
   */
  context: 'prompts' | 'labels'
  /** Required as `Authorization: Bearer …` or `?token=…`. Default: no token is required. */
  token?: string | undefined
  /** Stripped around prompts and responses. Default: the common ones. */
  special?: SpecialTokens | undefined
  /** Called before each wait for an endpoint that is out. */
  onOutage?: ((reason: string) => void) | undefined
  /** Called when a request fails for another reason than what was sent. */
  onFailure?: ((error: Error) => void) | undefined
}

export function openRewardServer(service: RewardService, port: number, host: string): Promise<Server> {
  const server = createServer((request, response) => {
    handle(service, request, response, host).catch((error: Error) => {
      if (!(error instanceof InvalidInput)) service.onFailure?.(error)
      reply(response, error instanceof InvalidInput ? 400 : 502, { error: error.message })
    })
  })
  return new Promise((resolve, reject) => {
    server.once('error', (error) =>
      reject(new InvalidInput(`serve-reward: cannot listen on ${host}:${port}: ${error.message}`)),
    )
    server.listen(port, host, () => resolve(server))
  })
}

function reply(response: ServerResponse, status: number, body: object | number): void {
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
  const { task, special = specialTokens() } = service
  const { samples, isOne } = readRequest(
    bodyAsJson(await readBody(request, LARGEST_BODY).catch(asInvalid)),
    task,
    special,
  )
  const scored = await scoresInTime(service, samples, response)
  if (scored === undefined) return
  const rewards = scored.map(({ reward }) => reward)
  if (isOne) return reply(response, 200, rewards[0]!)
  reply(response, 200, {
    rewards,
    scores: rewards,
    extra_logs: logsOf(task, scored),
  })
}

/** By a rubric, the criteria; otherwise the scores on the task's own scale. */
function logsOf(task: Task, scored: readonly LiveScore[]): Record<string, (number | null)[]> {
  const names = [...new Set(scored.flatMap(({ criteria = {} }) => Object.keys(criteria)))]
  if (names.length === 0)
    return { direct_score: scored.map(({ reward }) => rewardScale(scoreLevels(task)).scoreOf(reward)) }
  return Object.fromEntries(names.map((name) => [name, scored.map(({ criteria }) => criteria?.[name] ?? null)]))
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

/**
 * Waits out an outage of the endpoint for as long as whoever asks does.
 * @returns undefined if they have gone
 */
async function scoresInTime(
  service: RewardService,
  samples: readonly Sample[],
  response: ServerResponse,
): Promise<LiveScore[] | undefined> {
  for (let attempt = 0; ; attempt++) {
    try {
      return await scoresOf(service, samples)
    } catch (error) {
      const { message } = error as Error
      if (!(error instanceof EndpointDown) && !saysOutage(message)) throw error
      service.onOutage?.(message)
      await untilGone(response, backoff(attempt))
      if (response.destroyed) return undefined
    }
  }
}

/** Ends after so many milliseconds, or when whoever asks has gone. */
function untilGone(response: ServerResponse, ms: number): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer)
      response.off('close', done)
      resolve()
    }
    const timer = setTimeout(done, ms)
    response.once('close', done)
  })
}

/** @returns one score for each response */
async function scoresOf(
  { task, labeler, technique, context }: RewardService,
  samples: readonly Sample[],
): Promise<LiveScore[]> {
  const shown = samples.map((sample, i) => ({
    context: context === 'prompts' ? sample.context : labelText(sample.label, i),
    response: stripTrailingJunk(sample.response),
  }))
  return (await liveScores(labeler, shown, { task, technique })).map((score, i) => {
    if (isUnanswered(score))
      throw new Error(`serve-reward: ${labeler.name} gave no score for response ${i}: ${score.failed}`)
    return score
  })
}

function labelText(label: unknown, i: number): string {
  if (typeof label !== 'string')
    throw new InvalidInput(
      `serve-reward: field "labels.${i}" is not a text, but the service was started with --context labels`,
    )
  return label
}
