// Rounds: responses, labels, training, again, each round from the policy of the round before, against which its own is
// judged; at the end every policy against every other. The paper trains once on a fixed set of preferences (§2.2); rounds
// with fresh responses follow Touvron et al., "Llama 2" (arXiv 2307.09288, §3.2).
import { ParentClosePolicy, executeChild, isCancellation, workflowInfo } from '@temporalio/workflow'
import type { AlignInput } from '../contracts/align-input'
import type { Artifact } from '../contracts/artifact'
import { onEngine } from '../contracts/engine'
import { roundInput, type Earlier, type RoundsInput } from '../contracts/rounds-input'
import type { AlignResult } from '../contracts/status'
import { workflowSchemas } from '../contracts/workflow-inputs'
import type { align } from './align'
import { checkNames } from './check-names'
import { childId } from './child-id'
import { rootMessage, runSpent } from './failure'
import { parseInput, refusingBadInput } from './input'
import { stageRunner, type StageRunner } from './stage-runner'

export interface RoundsResult {
  /** Of the last round that won against the one before; the first round's where none did. */
  policy: Artifact
  /** Of every round, and the model before them, by name. */
  policies: Record<string, Artifact>
  /** Why there were no more rounds. */
  ended: string
  report: Artifact
  /** Cost of the rounds and of the comparison. */
  spent: number
}

const START = 'before'
const nameOf = (round: number) => `round ${round}`

export async function rounds(input?: unknown): Promise<RoundsResult> {
  const settings = parseInput(workflowSchemas.rounds, input, 'rounds')
  const first = refusingBadInput(() => roundInput(settings))
  const stages = stageRunner([], { ...settings, method: 'rounds', task: first.task })
  await checkNames('rounds', settings, stages)

  const done: AlignResult[] = []
  let ended = `all ${settings.rounds} rounds ran`
  let failed: string | undefined
  while (done.length < settings.rounds) {
    const result = await trainRound(stages, settings, done)
    if ('failed' in result) {
      failed = result.failed
      ended = `${nameOf(done.length + 1)} failed: ${failed}`
      break
    }
    done.push(result)
    if (settings.stopWithoutGain && done.length < settings.rounds && !gained(result)) {
      ended = `${nameOf(done.length)} brought nothing beyond the interval of its win rate, ${winRateOf(result)}`
      break
    }
  }
  stages.note(`Ended: ${ended}.`)
  const policies = policiesOf(done)
  const contest = await compareAll(stages, settings, first, done, policies)
  const report = await stages.run('comparison', {
    title: `Rounds · ${first.method} · ${contest.summary.task} · ${first.model}`,
    workflow: 'rounds',
    ended,
    settings,
    contests: [contest],
    arms: armsOf(first, done, failed),
    cache: settings.cache,
  })
  const policy = [...done].reverse().find(gained)?.policy ?? done[0]!.policy
  return { policy, policies, ended, report, spent: stages.spent() }
}

/** A round is its own run: it parks and resumes by itself. @throws when the first one fails: there is nothing to report */
async function trainRound(
  stages: StageRunner,
  settings: RoundsInput,
  done: readonly AlignResult[],
): Promise<AlignResult | { failed: string }> {
  const round = done.length + 1
  const { memo } = workflowInfo()
  const given = roundInput(settings, earlierOf(done))
  try {
    const result = await stages.track(nameOf(round), () =>
      executeChild<typeof align>('align', {
        args: [given],
        workflowId: childId(`round-${round}`),
        parentClosePolicy: ParentClosePolicy.REQUEST_CANCEL,
        staticSummary: nameOf(round),
        ...(memo?.sweep !== undefined && { memo: { sweep: memo.sweep } }),
      }),
    )
    stages.charge(result.spent)
    return result
  } catch (error) {
    if (isCancellation(error) || done.length === 0) throw error
    stages.charge(runSpent(error))
    return { failed: rootMessage(error) }
  }
}

const startOf = ({ stages }: AlignResult): Artifact => stages.sft!
const earlierOf = (done: readonly AlignResult[]): Earlier | undefined =>
  done.length === 0 ? undefined : { policy: done.at(-1)!.policy, start: startOf(done[0]!) }

const evaluationOf = ({ stages }: AlignResult) => stages.evaluate?.summary
/** Whether the policy wins beyond the interval; an evaluation that a person skipped says nothing against it. */
const gained = (result: AlignResult): boolean => Number(evaluationOf(result)?.winRateLow ?? 1) > 0.5
const percent = (share: unknown) => `${Math.round(100 * Number(share))}`
function winRateOf(result: AlignResult): string {
  const { winRate, winRateLow, winRateHigh } = evaluationOf(result)!
  return `${percent(winRate)} % (${percent(winRateLow)}–${percent(winRateHigh)})`
}

const policiesOf = (done: readonly AlignResult[]): Record<string, Artifact> => ({
  [START]: startOf(done[0]!),
  ...Object.fromEntries(done.map(({ policy }, i) => [nameOf(i + 1), policy])),
})

/** Every policy against every other, on the held-out prompts of the first round. */
async function compareAll(
  stages: StageRunner,
  { judge, agreementPairs, temperature, seed, cache }: RoundsInput,
  { limits, engine, evaluate, precision: ofRun }: AlignInput,
  done: readonly AlignResult[],
  policies: Record<string, Artifact>,
): Promise<Artifact> {
  const data = done[0]!.stages.data!
  const precision = evaluate.precision ?? ofRun
  const common = { data, limits, temperature, seed, cache, ...(precision && { precision }), ...onEngine(engine) }
  const arms = []
  for (const [name, policy] of Object.entries(policies))
    arms.push({ name, responses: await stages.run('respond', { policy, ...common }, `respond: ${name}`) })
  const asked = await stages.labeler(judge, startOf(done[0]!))
  return stages.run('contest', { data, arms, judge: asked, agreementPairs, seed, cache })
}

/** The rounds as arms of the report. */
function armsOf({ method, seed }: AlignInput, done: readonly AlignResult[], failed: string | undefined) {
  const trained = done.map(({ stages, report }, i) => ({
    name: nameOf(i + 1),
    method: i === 0 ? method : nameOf(i + 1),
    seed,
    stages,
    report,
  }))
  return [
    { name: START, method: 'sft', seed, stages: { sft: startOf(done[0]!) } },
    ...trained,
    ...(failed === undefined
      ? []
      : [{ name: nameOf(done.length + 1), method: nameOf(done.length + 1), seed, stages: {}, failed }]),
  ]
}
