// People rate what policies wrote, over days (paper §3.4, Appendix I). A rating is an update: whoever sends it learns
// that the run has it.
import { condition, continueAsNew, defineQuery, defineUpdate, setHandler, workflowInfo } from '@temporalio/workflow'
import type { Artifact } from '../contracts/artifact'
import {
  badAnswer,
  ratingMessageSchema,
  type RaterView,
  type Rating,
  type RatingKind,
  type RatingMessage,
} from '../contracts/human-evaluation'
import type { HumanEvaluationInput } from '../contracts/human-evaluation-input'
import { InvalidInput, parse } from '../contracts/parse'
import { workflowSchemas } from '../contracts/workflow-inputs'
import { openLedger, type Ledger } from '../evaluation/assignment'
import { carriedByItself, parseInput, refusingBadInput } from './input'
import { stageRunner, type StageRunner } from './stage-runner'
import { counted } from '../number-format'

interface Ratings {
  kind: RatingKind
  raters: string[]
  ratings: Rating[]
  /** URI of the items; undefined before they are drawn. */
  items?: string
}

export const raterView = defineQuery<RaterView, [string]>('raterView')
export const ratingsQuery = defineQuery<Ratings>('ratings')
export const rate = defineUpdate<RaterView, [unknown]>('rate')
export const close = defineUpdate<string>('close')

/** Maximum number of ratings in one run: each is an update, and Temporal allows 2,000. */
const RATINGS_PER_RUN = 1000
const DAY_MS = 86_400_000
const RATE_DESCRIPTION =
  'A rating: {"rater": name, "item": number, "answer": indices of the responses from best to worst, ' +
  'or 1 (good) and 0 by response, "seconds": number}. The page of `rlaif rate` sends it; ' +
  'a rating of another item than the page shows needs "imported": true.'

/** What messages read and change. */
interface Evaluation {
  settings: HumanEvaluationInput
  /** The items, and who rated which; undefined before the items are drawn. */
  items?: Artifact
  ledger?: Ledger
  /** Ratings taken in this run. */
  taken: number
  /** Whether a person ended it. */
  closed: boolean
  /** Whether the report is being written: a further rating would be missing from it. */
  over: boolean
}

export interface HumanEvaluationResult {
  report: Artifact
  ratings: number
}

export async function humanEvaluation(input?: unknown): Promise<HumanEvaluationResult> {
  const settings = parseInput(workflowSchemas.humanEvaluation, input, 'humanEvaluation')
  const carried = carriedByItself(settings)
  const until = carried?.until ?? Date.now() + settings.days * DAY_MS
  const stages = stageRunner(['rating-items', 'human-results'], { ...settings, method: 'human' })
  const evaluation: Evaluation = { settings, taken: 0, closed: false, over: false }
  if (carried) Object.assign(evaluation, { items: carried.items, ledger: ledgerOf(carried.items, settings, carried) })
  registerHandlers(evaluation, stages)

  const items = carried?.items ?? (await drawItems(stages, settings))
  const ledger = evaluation.ledger ?? ledgerOf(items, settings)
  Object.assign(evaluation, { items, ledger })
  stages.note(progress(ledger, settings.raters))

  const isOver = () => evaluation.closed || ledger.open() === 0
  await condition(
    () => isOver() || evaluation.taken >= RATINGS_PER_RUN || workflowInfo().continueAsNewSuggested,
    Math.max(1, until - Date.now()),
    { summary: 'raters at work' },
  )
  if (!isOver() && Date.now() < until) {
    const offered = settings.raters.map((_, rater) => [...ledger.offered(rater)])
    return continueAsNew<typeof humanEvaluation>({
      ...settings,
      carried: { items, ratings: ledger.ratings(), until, offered },
    })
  }

  evaluation.over = true
  const ratings = ledger.ratings()
  const report = await writeReport(stages, settings, items, ratings)
  return { report, ratings: ratings.length }
}

async function drawItems(stages: StageRunner, settings: HumanEvaluationInput): Promise<Artifact> {
  const { contest, kind, prompts, checkEvery, policies, order, seed, cache } = settings
  return stages.run('rating-items', {
    contest: await stages.contest(contest),
    kind,
    prompts,
    checkEvery,
    seed,
    cache,
    ...(policies && { policies }),
    ...(order && { order }),
  })
}

function writeReport(
  stages: StageRunner,
  { carried: _, ...settings }: HumanEvaluationInput,
  items: Artifact,
  ratings: Rating[],
): Promise<Artifact> {
  const { kind, raters, seed, cache } = settings
  return stages.run('human-results', {
    title: `Human evaluation · ${items.summary.task} · ${items.summary.policies}`,
    settings,
    items,
    kind,
    raters,
    ratings,
    seed,
    cache,
  })
}

function registerHandlers(evaluation: Evaluation, stages: StageRunner): void {
  const { kind, raters } = evaluation.settings
  const ratings = (): Ratings => {
    const { ledger, items } = evaluation
    return { kind, raters, ratings: ledger?.ratings() ?? [], ...(items && { items: items.uri }) }
  }
  const takeRating = (given: unknown): RaterView => {
    const { rater, item, answer, seconds } = given as RatingMessage
    evaluation.ledger!.add([item, raters.indexOf(rater), answer, Math.round(seconds)])
    evaluation.taken++
    stages.note(progress(evaluation.ledger!, raters))
    return viewOf(evaluation, rater)
  }
  setHandler(raterView, (rater) => viewOf(evaluation, rater), {
    description: 'What a rater, given by name, is to rate next.',
  })
  setHandler(ratingsQuery, ratings, { description: 'Every rating so far, and the URI of the items.' })
  setHandler(rate, takeRating, {
    description: RATE_DESCRIPTION,
    validator: (given) => refusingBadInput(() => checkRating(given, evaluation)),
  })
  const endEarly = () => {
    evaluation.closed = true
    return 'closed'
  }
  setHandler(close, endEarly, { description: 'Ends the evaluation with the ratings it has.' })
}

/** @throws InvalidInput when there is no such rater */
function viewOf({ settings, items, ledger, closed, over }: Evaluation, name: string): RaterView {
  const { kind, raters, prompts } = settings
  const rater = raters.indexOf(name)
  if (rater < 0)
    throw new InvalidInput(
      `there is no rater "${String(name).slice(0, 60)}" in this evaluation; its raters are ${raters.join(', ')}`,
    )
  if (!items || !ledger) return { kind, item: null, rated: 0, open: prompts, over: false }
  return {
    kind,
    items: items.uri,
    item: ledger.next(rater) ?? null,
    offered: ledger.offered(rater),
    rated: ledger.rated(rater),
    open: ledger.left(rater),
    over: closed || over || ledger.open() === 0,
  }
}

function ledgerOf(
  { summary }: Artifact,
  { raters, ratingsPerPrompt, seed, order }: HumanEvaluationInput,
  before?: HumanEvaluationInput['carried'],
): Ledger {
  const checks = String(summary.checkItems ?? '')
    .split(' ')
    .filter(Boolean)
    .map(Number)
  return openLedger({
    items: Number(summary.items),
    checks: new Set(checks),
    raters: raters.length,
    ratingsPerItem: ratingsPerPrompt,
    seed,
    inOrder: order === 'disagreement',
    ...(before && { before }),
  })
}

/** @throws InvalidInput saying why a rating cannot be taken */
function checkRating(given: unknown, { settings, items, ledger, over }: Evaluation): void {
  const { rater, item, answer, imported } = parse(ratingMessageSchema, given, 'rate')
  if (!settings.raters.includes(rater)) throw new InvalidInput(`rate: there is no rater "${rater}" in this evaluation`)
  if (!ledger || !items) throw new InvalidInput('rate: the items are still being drawn; try again in a moment')
  if (over) throw new InvalidInput('rate: the evaluation is over and its report is being written; thank you')
  if (item >= Number(items.summary.items)) throw new InvalidInput(`rate: there is no item ${item}`)
  const problem = badAnswer(settings.kind, answer, Number(items.summary.responses))
  if (problem) throw new InvalidInput(`rate: "answer" ${problem}`)
  if (!imported && !ledger.mayRate(settings.raters.indexOf(rater), item))
    throw new InvalidInput(`rate: item ${item} has not been given to ${rater}; open the page again for the next one`)
}

function progress(ledger: Ledger, raters: readonly string[]): string {
  const counts = raters.map((name, rater) => `${name} ${ledger.rated(rater)}`)
  return (
    `**${counted(ledger.open(), 'prompt still needs', 'prompts still need')} ratings.** ${counts.join(', ')}. ` +
    `\`rlaif rate ${workflowInfo().workflowId}\` serves the page and prints each rater's link.`
  )
}
