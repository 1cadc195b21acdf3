// Rewards over HTTP for external trainers: the labeler's direct score (paper §2.2.2) of the responses they sampled, as
// OpenRLHF, TRL and slime ask for them (reward-request.ts).
//
// A response that could not be scored fails the request: a made-up reward would train the policy on nothing. Answers
// are cached, so a trainer that repeats a request does not pay twice. While the labeler's endpoint is out, a request
// waits: trainers give up after a few failures, and with them the work of hours. What a web page of another site may
// have sent is refused: it would spend money.
import type { Server, ServerResponse } from 'node:http'
import { Hono } from 'hono'
import { InvalidInput } from '../contracts/parse'
import type { Task } from '../data/task'
import { refusalByType } from '../http/guard'
import { atMost, listen, type App, type AppContext } from '../http/server'
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

const NAME = 'serve-reward'
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
  const door = { address: host }
  return listen(rewardApp(service), {
    ...{ port, door },
    refuse: (response, { status, reason }) =>
      response
        .writeHead(status, { 'content-type': 'application/json', connection: 'close' })
        .end(JSON.stringify({ error: `serve-reward: ${reason}` })),
  }).catch((error: Error) => {
    throw new InvalidInput(`serve-reward: cannot listen on ${host}:${port}: ${error.message}`)
  })
}

function rewardApp(service: RewardService): App {
  const { labeler, task, token } = service
  const app: App = new Hono()
  const refused = (c: AppContext, status: 400 | 401 | 404 | 415 | 502, reason: string) =>
    c.json({ error: reason.startsWith(NAME) ? reason : `${NAME}: ${reason}` }, status)
  const isAllowed = (c: AppContext) => hasToken(c.env.incoming, token, c.req.query('token'))
  app.get('/healthz', (c) => c.json(isAllowed(c) || !isStrict() ? { labeler: labeler.name, task: task.name } : {}))
  app.use(async (c, next) => (isAllowed(c) ? next() : refused(c, 401, 'the token is missing or wrong')))
  app.post(
    '/get_reward',
    atMost(LARGEST_BODY, (c, reason) => refused(c, 400, reason)),
    async (c) => {
      const otherType = refusalByType(c.env.incoming)
      return otherType ? refused(c, 415, otherType.reason) : rewardsOf(service, c)
    },
  )
  app.notFound((c) => refused(c, 404, 'not found; the routes are POST /get_reward and GET /healthz'))
  app.onError((error, c) => {
    const isTheirs = error instanceof InvalidInput
    if (!isTheirs) service.onFailure?.(error)
    return refused(c, isTheirs ? 400 : 502, error.message)
  })
  return app
}

async function rewardsOf(service: RewardService, c: AppContext): Promise<Response> {
  const { task, special = specialTokens() } = service
  const { samples, isOne } = readRequest(bodyAsJson(await c.req.text()), task, special)
  const scored = await scoresInTime(service, samples, c.env.outgoing)
  if (scored === undefined) return c.body(null) // nobody is there to read it
  const rewards = scored.map(({ reward }) => reward)
  if (isOne) return c.json(rewards[0]!)
  return c.json({ rewards, scores: rewards, extra_logs: logsOf(task, scored) })
}

/** By a rubric, the criteria; otherwise the scores on the task's own scale. */
function logsOf(task: Task, scored: readonly LiveScore[]): Record<string, (number | null)[]> {
  const names = [...new Set(scored.flatMap(({ criteria = {} }) => Object.keys(criteria)))]
  if (names.length === 0)
    return { direct_score: scored.map(({ reward }) => rewardScale(scoreLevels(task)).scoreOf(reward)) }
  return Object.fromEntries(names.map((name) => [name, scored.map(({ criteria }) => criteria?.[name] ?? null)]))
}

function bodyAsJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    throw new InvalidInput(`serve-reward: ${(error as Error).message}`, { cause: error })
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
