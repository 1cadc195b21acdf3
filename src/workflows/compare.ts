// Several methods on the same prompts, with shared stages: every policy against every other (paper §3.4, Table 1).
import { ParentClosePolicy, executeChild, isCancellation, workflowInfo } from '@temporalio/workflow'
import type { Artifact } from '../contracts/artifact'
import { brief } from '../contracts/brief'
import { onEngine } from '../contracts/engine'
import { armsOf, type Arm, type CompareInput } from '../contracts/compare-input'
import type { AlignResult } from '../contracts/status'
import { workflowSchemas } from '../contracts/workflow-inputs'
import type { align } from './align'
import { checkNames } from './check-names'
import { childId } from './child-id'
import { finalFailure, rootMessage, runSpent } from './failure'
import { parseInput, refusingBadInput } from './input'
import { stageRunner, type StageRunner } from './stage-runner'

export interface CompareResult {
  report: Artifact
  contests: Artifact[]
  policies: Record<string, Artifact>
  /** Cost of its arms and of its own stages. */
  spent: number
}

/** An arm that has ended, with its result or why it failed. */
interface EndedArm extends Arm {
  result?: AlignResult
  failed?: string
}

export async function compare(input?: unknown): Promise<CompareResult> {
  const settings = parseInput(workflowSchemas.compare, input, 'compare')
  const arms = refusingBadInput(() => armsOf(settings))
  const stages = stageRunner([], { ...settings, method: 'compare', task: arms[0]!.input.task })
  await checkNames('compare', settings, stages)

  const ended: EndedArm[] = []
  const contests: Artifact[] = []
  for (const seed of settings.seeds) {
    const armsOfSeed = arms.filter((arm) => arm.seed === seed)
    const endedOfSeed = await train(stages, armsOfSeed, settings)
    for (const arm of endedOfSeed) ended.push(arm)
    contests.push(await contest(stages, endedOfSeed, settings))
  }
  const report = await stages.run('comparison', {
    title: `Comparison · ${contests[0]!.summary.task} · ${arms[0]!.input.model}`,
    settings,
    contests,
    arms: ended.map(({ name, like, system, seed, result, failed }) => ({
      name,
      ...(like !== undefined && { like }),
      method: system,
      seed,
      stages: result?.stages ?? {},
      ...(result && { report: result.report }),
      ...(failed !== undefined && { failed }),
    })),
    cache: settings.cache,
  })
  return {
    report,
    contests,
    spent: stages.spent(),
    policies: Object.fromEntries(
      ended.flatMap(({ name, seed, result }) =>
        result ? [[settings.seeds.length > 1 ? `${name}, seed ${seed}` : name, result.policy]] : [],
      ),
    ),
  }
}

/** The first arm alone, so that what all share is stored when the others start; then `maxConcurrent` at a time. */
async function train(stages: StageRunner, arms: readonly Arm[], { maxConcurrent }: CompareInput): Promise<EndedArm[]> {
  const ended: EndedArm[] = [await trainOne(stages, arms[0]!)]
  const waiting = arms.slice(1).entries()
  const next = async () => {
    for (const [i, arm] of waiting) ended[i + 1] = await trainOne(stages, arm)
  }
  await Promise.all(Array.from({ length: maxConcurrent }, next))
  return ended
}

/** An arm is its own run: it parks and resumes by itself, and its failure leaves the others alone. */
async function trainOne(stages: StageRunner, arm: Arm): Promise<EndedArm> {
  const shownAs = `${arm.name}, seed ${arm.seed}`
  const { memo } = workflowInfo()
  try {
    const result = await stages.track(shownAs, () =>
      executeChild<typeof align>('align', {
        args: [arm.input],
        workflowId: childId(`${arm.name}-${arm.seed}`),
        parentClosePolicy: ParentClosePolicy.REQUEST_CANCEL,
        staticSummary: brief(shownAs),
        ...(memo?.sweep !== undefined && { memo: { sweep: memo.sweep } }),
      }),
    )
    stages.charge(result.spent)
    return { ...arm, result }
  } catch (error) {
    if (isCancellation(error)) throw error
    stages.charge(runSpent(error))
    return { ...arm, failed: rootMessage(error) }
  }
}

async function contest(
  stages: StageRunner,
  ended: readonly EndedArm[],
  { judge, agreementPairs, temperature, cache }: CompareInput,
): Promise<Artifact> {
  const done = ended.flatMap(({ result, ...arm }) => (result ? [{ ...arm, result }] : []))
  if (done.length < 2)
    throw finalFailure(
      'compare: fewer than two arms completed: ' +
        ended.map(({ name, failed }) => `${name}: ${failed ?? 'done'}`).join('; '),
    )
  const { seed, result } = done[0]!
  const responses = []
  for (const { name, input, result } of done) {
    const common = { limits: input.limits, temperature, seed, cache }
    const precision = input.evaluate.precision ?? input.precision
    responses.push({
      name,
      responses: await stages.run(
        'respond',
        {
          policy: result.policy,
          data: result.stages.data!,
          ...common,
          ...(precision && { precision }),
          ...onEngine(input.engine),
        },
        `respond: ${name}, seed ${seed}`,
      ),
    })
  }
  return stages.run(
    'contest',
    {
      data: result.stages.data!,
      arms: responses,
      judge: await stages.labeler(judge, result.stages.sft),
      agreementPairs,
      seed,
      cache,
    },
    `contest, seed ${seed}`,
  )
}
