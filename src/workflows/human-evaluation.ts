// People rate what policies wrote, over days (paper §3.4, Appendix I). A rating is an update: whoever sent it knows that the run has it.
import { condition, continueAsNew, defineQuery, defineUpdate, setHandler, workflowInfo } from '@temporalio/workflow'
import type { Artifact } from '../contracts/artifact'
import {
  badAnswer,
  rateSchema,
  type Rate,
  type RaterView,
  type Rating,
  type RatingKind,
} from '../contracts/human-evaluation'
import { InvalidInput, parse } from '../contracts/parse'
import { workflowSchemas, type HumanEvaluationInput } from '../contracts/workflow-inputs'
import { openLedger, type Ledger } from '../evaluation/assignment'
import { parseInput, refusingBadInput } from './input'
import { stageRunner } from './stage-runner'

export const raterView = defineQuery<RaterView, [string]>('raterView')
export const ratingsQuery = defineQuery<{ kind: RatingKind; raters: string[]; ratings: Rating[]; items?: string }>(
  'ratings',
)
export const rate = defineUpdate<RaterView, [unknown]>('rate')
export const close = defineUpdate<string>('close')

/** Updates of one run; Temporal takes 2,000. */
const RATINGS_A_RUN = 1000
const DAY_MS = 86_400_000

/** What there is once the items are drawn. */
interface Drawn {
  items?: Artifact
  ledger?: Ledger
  /** The report is being written of the ratings there are: another would be missing from it. */
  over?: true
}

export interface HumanEvaluationResult {
  report: Artifact
  ratings: number
}

export async function humanEvaluation(input?: unknown): Promise<HumanEvaluationResult> {
  const settings = parseInput(workflowSchemas.humanEvaluation, input, 'humanEvaluation')
  const { seed, cache, carried, kind, raters } = settings
  const until = carried?.until ?? Date.now() + settings.days * DAY_MS
  const stages = stageRunner(['rating-items', 'human-results'], { ...settings, method: 'human' })
  const drawn: Drawn = {}
  if (carried)
    Object.assign(drawn, { items: carried.items, ledger: ledgerOf(carried.items, settings, carried.ratings) })
  let taken = 0
  let closed = false

  const view = (name: string): RaterView => {
    const rater = raters.indexOf(name)
    if (rater < 0)
      throw new InvalidInput(`there is no rater "${name}" in this evaluation; there are ${raters.join(', ')}`)
    const { items, ledger } = drawn
    if (!items || !ledger) return { kind, item: null, rated: 0, open: settings.prompts, over: false }
    const open = ledger.open()
    return {
      kind,
      items: items.uri,
      item: ledger.next(rater) ?? null,
      rated: ledger.rated(rater),
      open,
      over: closed || drawn.over === true || open === 0,
    }
  }
  setHandler(raterView, view, { description: 'What a rater, by name, is to do next.' })
  setHandler(
    ratingsQuery,
    () => ({ kind, raters, ratings: drawn.ledger?.ratings() ?? [], ...(drawn.items && { items: drawn.items.uri }) }),
    { description: 'Every rating so far, and where the items are.' },
  )
  setHandler(
    rate,
    (given) => {
      const { rater, item, answer, seconds } = given as Rate
      drawn.ledger!.add([item, raters.indexOf(rater), answer, Math.round(seconds)])
      taken++
      stages.note(progress(drawn.ledger!, raters))
      return view(rater)
    },
    {
      description:
        'A rating: {"rater": name, "item": number, "answer": places from best to worst, or 1 and 0 by place, "seconds": number}. The page of `rlaif rate` sends it.',
      validator: (given) => refusingBadInput(() => checkRate(given, settings, drawn)),
    },
  )
  setHandler(
    close,
    () => {
      closed = true
      return 'closed'
    },
    { description: 'Ends the evaluation with the ratings there are.' },
  )

  const items =
    carried?.items ??
    (await stages.run('rating-items', {
      contest: await stages.artifact(settings.contest),
      kind,
      prompts: settings.prompts,
      checkEvery: settings.checkEvery,
      seed,
      cache,
      ...(settings.policies && { policies: settings.policies }),
    }))
  const ledger = drawn.ledger ?? ledgerOf(items, settings, [])
  Object.assign(drawn, { items, ledger })
  stages.note(progress(ledger, raters))

  const isOver = () => closed || ledger.open() === 0
  await condition(
    () => isOver() || taken >= RATINGS_A_RUN || workflowInfo().continueAsNewSuggested,
    Math.max(1, until - Date.now()),
    { summary: 'raters at work' },
  )
  if (!isOver() && Date.now() < until)
    return continueAsNew<typeof humanEvaluation>({ ...settings, carried: { items, ratings: ledger.ratings(), until } })

  drawn.over = true
  const ratings = ledger.ratings()
  const { carried: _, ...shown } = settings
  const report = await stages.run('human-results', {
    title: `Human evaluation · ${items.summary.task} · ${items.summary.policies}`,
    settings: shown,
    items,
    kind,
    raters,
    ratings,
    seed,
    cache,
  })
  return { report, ratings: ratings.length }
}

function ledgerOf(
  { summary }: Artifact,
  { raters, ratingsPerPrompt, seed }: HumanEvaluationInput,
  ratings: readonly Rating[],
): Ledger {
  const checks = String(summary.checkItems ?? '')
    .split(' ')
    .filter(Boolean)
    .map(Number)
  const ledger = openLedger({
    items: Number(summary.items),
    checks: new Set(checks),
    raters: raters.length,
    ratingsPerItem: ratingsPerPrompt,
    seed,
  })
  for (const rating of ratings) ledger.add(rating)
  return ledger
}

/** @throws InvalidInput saying why a rating cannot be taken */
function checkRate(given: unknown, { raters, kind }: HumanEvaluationInput, { items, ledger, over }: Drawn): void {
  const { rater, item, answer } = parse(rateSchema, given, 'rate')
  if (!raters.includes(rater)) throw new InvalidInput(`rate: there is no rater "${rater}" in this evaluation`)
  if (!ledger || !items) throw new InvalidInput('rate: the items are still being drawn; try again in a moment')
  if (over) throw new InvalidInput('rate: the evaluation is over and its report is being written; thank you')
  if (item >= Number(items.summary.items)) throw new InvalidInput(`rate: there is no item ${item}`)
  const wrong = badAnswer(kind, answer, Number(items.summary.responses))
  if (wrong) throw new InvalidInput(`rate: "answer" ${wrong}`)
}

function progress(ledger: Ledger, raters: readonly string[]): string {
  return `**${ledger.open()} prompts still want ratings.** ${raters.map((name, rater) => `${name} ${ledger.rated(rater)}`).join(', ')}. \`rlaif rate ${workflowInfo().workflowId}\` serves the page and prints each rater's link.`
}
