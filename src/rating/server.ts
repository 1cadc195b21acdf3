// The rating page over HTTP. It holds nothing: what a rater does is in Temporal before the next page is shown, so it may end at any time.
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { badAnswer, type Item, type RaterView, type RatingKind } from '../contracts/human-evaluation'
import { readBody } from '../request-body'
import { CONTENT_SECURITY_POLICY, itemPage, messagePage } from './page'
import { isToken } from './links'

/** Where ratings go: the run. */
export interface Evaluation {
  run: string
  view(rater: string): Promise<RaterView>
  /** Resolves when the run has the rating. @throws with a message for the rater */
  rate(rating: { rater: string; item: number; answer: number[]; seconds: number }): Promise<RaterView>
  items(uri: string): Promise<Item[]>
}

const MOST_BODY_BYTES = 16 * 1024
const LOAD_AGAIN_SECONDS = 3

const formOf = async (request: IncomingMessage): Promise<Record<string, string>> =>
  Object.fromEntries(new URLSearchParams(await readBody(request, MOST_BODY_BYTES)))

/** The answer a form holds: by place the rank from 0, or 1 and 0. */
export function answerOf(kind: RatingKind, form: Record<string, string>, responses: number): number[] | undefined {
  const byPlace = Array.from({ length: responses }, (_, at) =>
    /^\d+$/.test(form[`r${at}`] ?? '') ? Number(form[`r${at}`]) : NaN,
  )
  const answer = kind === 'verdict' ? byPlace : byPlace.map((_, rank) => byPlace.indexOf(rank))
  return answer.some((value) => !(value >= 0)) || badAnswer(kind, answer, responses) ? undefined : answer
}

function send(response: ServerResponse, status: number, html: string): void {
  response
    .writeHead(status, {
      'content-type': 'text/html; charset=utf-8',
      'content-security-policy': CONTENT_SECURITY_POLICY,
      'cache-control': 'no-store',
      'referrer-policy': 'no-referrer',
      'x-content-type-options': 'nosniff',
    })
    .end(html)
}

/** @param port 0 takes any */
export function openRatingServer(evaluation: Evaluation, key: Buffer, port: number, host: string): Promise<Server> {
  const remembered = remembering(evaluation)
  const server = createServer((request, response) => {
    handle(remembered, key, request, response).catch((error: unknown) =>
      send(
        response,
        503,
        messagePage(
          'Not now',
          `This page cannot be shown at the moment (${(error as Error).message}). Nothing you saved is lost; it loads itself again.`,
          request.method === 'GET' ? LOAD_AGAIN_SECONDS : undefined,
        ),
      ),
    )
  })
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, host, () => resolve(server))
  })
}

interface Remembering extends Evaluation {
  /** What the rater was last shown: enough to show a form again while the run does not answer. */
  lastView(rater: string): Promise<RaterView>
}

function remembering(evaluation: Evaluation): Remembering {
  const seen = new Map<string, RaterView>()
  const view = async (rater: string) => {
    const now = await evaluation.view(rater)
    seen.set(rater, now)
    return now
  }
  return { ...evaluation, view, lastView: async (rater) => seen.get(rater) ?? view(rater) }
}

async function handle(
  evaluation: Remembering,
  key: Buffer,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const [, place, encoded = '', token = ''] = (request.url ?? '').split('?')[0]!.split('/')
  const rater = safelyDecoded(encoded)
  if (place !== 'rate' || rater === undefined || !isToken(key, evaluation.run, rater, token))
    return send(response, 404, messagePage('Not found', 'This link leads nowhere. Ask whoever sent it for another.'))
  if (request.method === 'GET') return showNext(evaluation, rater, await evaluation.view(rater), response)
  if (request.method === 'POST') return save(evaluation, rater, await formOf(request), request, response)
  return send(response, 405, messagePage('Not like this', 'Only GET and POST are understood.'))
}

function safelyDecoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text)
  } catch {
    return undefined
  }
}

async function showNext(
  evaluation: Evaluation,
  rater: string,
  view: RaterView,
  response: ServerResponse,
): Promise<void> {
  if (view.items === undefined)
    return send(
      response,
      200,
      messagePage('One moment', 'The prompts are being drawn; the page loads itself again.', LOAD_AGAIN_SECONDS),
    )
  if (view.item === null || view.over)
    return send(
      response,
      200,
      messagePage(
        'Thank you',
        `There is nothing left for you to rate. You rated ${view.rated}; every one of them is saved.`,
      ),
    )
  send(
    response,
    200,
    itemPage({
      rater,
      kind: view.kind,
      item: view.item,
      shown: (await evaluation.items(view.items))[view.item]!,
      rated: view.rated,
      open: view.open,
    }),
  )
}

/** Saves, then sends the rater on; what could not be saved is shown again as it was chosen. */
async function save(
  evaluation: Remembering,
  rater: string,
  form: Record<string, string>,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const view = await evaluation.lastView(rater)
  const item = Number(form.item)
  const shown = view.items === undefined ? undefined : (await evaluation.items(view.items))[item]
  if (!shown)
    return send(
      response,
      400,
      messagePage('Not like this', 'That is no item of this evaluation. Open your link again.'),
    )
  const again = (status: number, problem: string) =>
    send(
      response,
      status,
      itemPage({ rater, kind: view.kind, item, shown, rated: view.rated, open: view.open, given: form, problem }),
    )
  const answer = answerOf(view.kind, form, shown.responses.length)
  if (!answer)
    return again(
      400,
      view.kind === 'rank' ? 'Give each response its own place: no two alike, none left out.' : 'Judge every response.',
    )
  try {
    await evaluation.rate({ rater, item, answer, seconds: Math.min(86_400, Math.max(0, Number(form.seconds) || 0)) })
  } catch (error) {
    return again(
      503,
      `Not saved: ${(error as Error).message}. Your choice is still here; press the button again in a moment.`,
    )
  }
  response.writeHead(303, { location: request.url!, 'cache-control': 'no-store' }).end()
}
