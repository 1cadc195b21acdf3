// `rlaif rate`: serves the rating page of a human evaluation and prints each rater's link.
import type { AddressInfo } from 'node:net'
import { InvalidInput } from '../contracts/parse'
import { evaluationOf } from './rating-run'
import { linkOf, ratingKey } from '../rating/links'
import { openRatingServer } from '../rating/server'
import { openHome } from '../workers/home'
import type { Connected } from '../runs/connection'
import { refuseEnded, runOf } from '../runs/existing-run'
import { ratersOf } from './ratings'
import { untilStopped } from './until-stopped'
import { requireWorkers } from '../runs/workers-up'

export interface RateOptions {
  port: number
  host: string
  /** Where raters reach the page if not at host and port, e.g. the URL of a TLS proxy. */
  url?: string | undefined
  home: string
}

export async function serveRatings(
  connected: Connected,
  run: string,
  { port, host, url, home }: RateOptions,
  print: (line: string) => void,
): Promise<number> {
  if (url !== undefined && !URL.canParse(url)) throw new InvalidInput(`--url got "${url}"; it must be an https:// URL`)
  const { handle, now } = await runOf(connected, run, 'humanEvaluation', 'rate')
  refuseEnded(now, 'rate', `\`rlaif report ${run}\` prints the path of its report`)
  await requireWorkers(connected, 'rate')
  const raters = await ratersOf(handle)
  openHome(home)
  const key = ratingKey(home)
  const server = await openRatingServer(evaluationOf(handle, home), key, port, host, url).catch((error: Error) => {
    throw new InvalidInput(`rate: ${host}:${port} cannot be used: ${error.message}; choose another with --port`)
  })
  const base = url?.replace(/\/$/, '') ?? `http://${host}:${(server.address() as AddressInfo).port}`
  print(`Rating page of ${run}; a link for each rater:`)
  for (const rater of raters) print(`  ${rater.padEnd(16)} ${base}${linkOf(key, run, rater)}`)
  print('Ctrl-C stops the page. The ratings are kept in Temporal and the links stay valid.')
  await untilStopped()
  server.close()
  server.closeAllConnections()
  return 0
}
