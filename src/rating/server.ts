// The rating page over HTTP. The server keeps no state: a rating is in Temporal before the next page is shown, so the
// process may end at any time.
import type { Server } from 'node:http'
import { Hono } from 'hono'
import {
  badAnswer,
  type Item,
  type RaterView,
  type RatingKind,
  type RatingMessage,
} from '../contracts/human-evaluation'
import { atMost, listen, type App, type AppContext } from '../http/server'
import { CONTENT_SECURITY_POLICY, itemPage, messagePage } from './page'
import { isToken } from './links'

/** The run that hands out items and takes ratings. */
export interface Evaluation {
  run: string
  view(rater: string): Promise<RaterView>
  /** Resolves once the run has the rating. @throws with a message for the rater */
  rate(rating: RatingMessage): Promise<RaterView>
  items(uri: string): Promise<Item[]>
}

const MAX_BODY_BYTES = 16 * 1024
const RELOAD_SECONDS = 3
/** The longest time of one rating that is recorded: a day. */
const MAX_SECONDS = 86_400
const INCOMPLETE: Record<RatingKind, string> = {
  rank: 'Give each response a rank of its own: no two alike, none left out.',
  verdict: 'Judge every response.',
}

/** As a browser sends it. */
const formOf = async (c: AppContext): Promise<Record<string, string>> =>
  Object.fromEntries(new URLSearchParams(await c.req.text()))

/** The answer in a form, whose field `r<i>` is the rank (from 0) or the verdict (1 or 0) of the response at place i. */
function answerOf(kind: RatingKind, form: Record<string, string>, responses: number): number[] | undefined {
  const byPlace = Array.from({ length: responses }, (_, at) =>
    /^\d+$/.test(form[`r${at}`] ?? '') ? Number(form[`r${at}`]) : NaN,
  )
  const answer = kind === 'verdict' ? byPlace : byPlace.map((_, rank) => byPlace.indexOf(rank))
  return answer.some((value) => !(value >= 0)) || badAnswer(kind, answer, responses) ? undefined : answer
}

const HEADERS = {
  'content-type': 'text/html; charset=utf-8',
  'content-security-policy': CONTENT_SECURITY_POLICY,
  'cache-control': 'no-store',
  'referrer-policy': 'same-origin', // with no-referrer, the browser would not name the page as a form's origin
}

/**
 * @param port 0 for any free port
 * @param url at which raters reach it if not at host and port, e.g. that of a TLS proxy
 */
export function openRatingServer(
  evaluation: Evaluation,
  key: Buffer,
  port: number,
  host: string,
  url?: string,
): Promise<Server> {
  return listen(ratingApp(withLastView(evaluation), key), {
    ...{ port, door: { address: host, url } },
    refuse: (response, { status, reason }) =>
      response.writeHead(status, HEADERS).end(messagePage('Refused', `Not answered: ${reason}.`)),
  })
}

function ratingApp(evaluation: CachedEvaluation, key: Buffer): App {
  const app: App = new Hono()
  const tooLong = (c: AppContext, reason: string) => page(c, 413, messagePage('Not saved', `${reason}.`))
  app.all('/rate/:rater/:token', atMost(MAX_BODY_BYTES, tooLong), (c) => {
    const { rater, token } = c.req.param()
    return isToken(key, evaluation.run, rater, token) ? answered(c, evaluation, rater) : notFound(c)
  })
  app.notFound(notFound)
  app.onError((error, c) => {
    const sentence =
      `This page cannot be shown at the moment (${error.message}). ` +
      'Nothing you saved is lost; the page reloads itself.'
    return page(c, 503, messagePage('Not available', sentence, c.req.method === 'GET' ? RELOAD_SECONDS : undefined))
  })
  return app
}

const page = (c: AppContext, status: 200 | 400 | 404 | 405 | 413 | 503, html: string): Response =>
  c.body(html, status, HEADERS)

const notFound = (c: AppContext): Response =>
  page(c, 404, messagePage('Not found', 'This link is not valid. Ask the person who sent it for another.'))

async function answered(c: AppContext, evaluation: CachedEvaluation, rater: string): Promise<Response> {
  if (c.req.method === 'GET') return page(c, 200, await nextPage(evaluation, rater))
  if (c.req.method !== 'POST')
    return page(c, 405, messagePage('Method not allowed', 'This page answers GET and POST only.'))
  const refusal = await save(evaluation, rater, await formOf(c))
  if (refusal) return page(c, refusal.status, refusal.html)
  return c.body(null, 303, { location: c.env.incoming.url!, 'cache-control': 'no-store' })
}

interface CachedEvaluation extends Evaluation {
  /** The rater's latest view: enough to show a form again while the run does not answer. */
  lastView(rater: string): Promise<RaterView>
  /** Whether the rater may see an item: it was shown to them, or is to be shown now. */
  maySee(rater: string, item: number): Promise<boolean>
}

function withLastView(evaluation: Evaluation): CachedEvaluation {
  const latest = new Map<string, RaterView>()
  const seen = new Map<string, Set<number>>()
  const view = async (rater: string) => {
    const now = await evaluation.view(rater)
    const offered = [...(now.offered ?? []), ...(now.item === null ? [] : [now.item])]
    seen.set(rater, new Set([...(seen.get(rater) ?? []), ...offered]))
    latest.set(rater, now)
    return now
  }
  const hasSeen = (rater: string, item: number) => seen.get(rater)?.has(item) === true
  return {
    ...evaluation,
    view,
    lastView: async (rater) => latest.get(rater) ?? view(rater),
    maySee: async (rater, item) => hasSeen(rater, item) || (await view(rater), hasSeen(rater, item)),
  }
}

async function nextPage(evaluation: Evaluation, rater: string): Promise<string> {
  const { kind, items, item, rated, open, over } = await evaluation.view(rater)
  if (items === undefined)
    return messagePage('One moment', 'The prompts are being drawn; the page reloads itself.', RELOAD_SECONDS)
  if (item === null || over)
    return messagePage(
      'Thank you',
      `There is nothing left for you to rate. You rated ${rated}; every one of them is saved.`,
    )
  const shown = (await evaluation.items(items))[item]!
  return itemPage({ rater, kind, item, shown, rated, open })
}

/** A page to show instead of the next item. */
interface Refusal {
  status: 400 | 503
  html: string
}

/** Saves a rating. @returns undefined once it is saved, else the form again with what was chosen */
async function save(
  evaluation: CachedEvaluation,
  rater: string,
  form: Record<string, string>,
): Promise<Refusal | undefined> {
  const { kind, items, rated, open } = await evaluation.lastView(rater)
  const item = Number(form.item)
  const isTheirs = items !== undefined && (await evaluation.maySee(rater, item))
  const shown = isTheirs ? (await evaluation.items(items))[item] : undefined
  if (!shown)
    return {
      status: 400,
      html: messagePage('Bad request', 'That is not the item you were given. Open your link again.'),
    }
  const formAgain = (problem: string) => itemPage({ rater, kind, item, shown, rated, open, given: form, problem })
  const answer = answerOf(kind, form, shown.responses.length)
  if (!answer) return { status: 400, html: formAgain(INCOMPLETE[kind]) }
  const seconds = Math.min(MAX_SECONDS, Math.max(0, Number(form.seconds) || 0))
  try {
    await evaluation.rate({ rater, item, answer, seconds })
    return undefined
  } catch (error) {
    const reason = (error as Error).message
    return {
      status: 503,
      html: formAgain(`Not saved: ${reason}. Your choice is still here; press the button again in a moment.`),
    }
  }
}
