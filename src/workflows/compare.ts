// Several methods on the same prompts, from shared stages: every policy against every other (paper §3.4, Table 1).
import { ApplicationFailure, ParentClosePolicy, executeChild, isCancellation, workflowInfo } from '@temporalio/workflow'
import type { Artifact } from '../contracts/artifact'
import { brief } from '../contracts/brief'
import type { AlignResult } from '../contracts/status'
import { armsOf, workflowSchemas, type Arm, type CompareInput } from '../contracts/workflow-inputs'
import type { align } from './align'
import { parseInput, refusingBadInput } from './input'
import { rootMessage } from './failure'
import { stageRunner, type StageRunner } from './stage-runner'

export interface CompareResult {
  report: Artifact
  contests: Artifact[]
  policies: Record<string, Artifact>
  /** Money that its arms and its own stages cost. */
  spent: number
}

interface Trained extends Arm {
  result?: AlignResult
  failed?: string
}

export async function compare(input?: unknown): Promise<CompareResult> {
  const settings = parseInput(workflowSchemas.compare, input, 'compare')
  const arms = refusingBadInput(() => armsOf(settings))
  const stages = stageRunner([], { ...settings, method: 'compare', task: arms[0]!.input.task })

  const trained: Trained[] = []
  const contests: Artifact[] = []
  for (const seed of settings.seeds) {
    const own = await train(
      stages,
      arms.filter((arm) => arm.seed === seed),
      settings,
    )
    trained.push(...own)
    contests.push(await contest(stages, own, settings))
  }
  const report = await stages.run('comparison', {
    title: `Comparison · ${contests[0]!.summary.task} · ${arms[0]!.input.model}`,
    settings,
    contests,
    arms: trained.map(({ name, like, seed, input, result, failed }) => ({
      name,
      method: like ?? input.method,
      seed,
      stages: result?.stages ?? {},
      ...(result && { report: result.report }),
      ...(failed !== undefined && { failed }),
    })),
    cache: settings.cache,
  })
  const spent = stages.spent() + trained.reduce((sum, { result }) => sum + (result?.spent ?? 0), 0)
  return {
    report,
    contests,
    spent,
    policies: Object.fromEntries(
      trained.flatMap(({ name, seed, result }) =>
        result ? [[settings.seeds.length > 1 ? `${name}, seed ${seed}` : name, result.policy]] : [],
      ),
    ),
  }
}

/** The first arm alone, so that what all share is in the store when the others begin; then so many at a time. */
async function train(stages: StageRunner, arms: readonly Arm[], { maxConcurrent }: CompareInput): Promise<Trained[]> {
  const trained: Trained[] = [await trainOne(stages, arms[0]!)]
  const waiting = arms.slice(1).entries()
  const next = async () => {
    for (const [i, arm] of waiting) trained[i + 1] = await trainOne(stages, arm)
  }
  await Promise.all(Array.from({ length: maxConcurrent }, next))
  return trained
}

/** An arm that fails leaves the others alone; it parks, is mended and resumed as a run of its own. */
async function trainOne(stages: StageRunner, arm: Arm): Promise<Trained> {
  const shownAs = `${arm.name}, seed ${arm.seed}`
  const { workflowId, memo } = workflowInfo()
  try {
    const result = await stages.track(shownAs, () =>
      executeChild<typeof align>('align', {
        args: [arm.input],
        workflowId: `${workflowId}/${arm.name}-${arm.seed}`,
        parentClosePolicy: ParentClosePolicy.REQUEST_CANCEL,
        staticSummary: brief(shownAs),
        ...(memo?.sweep !== undefined && { memo: { sweep: memo.sweep } }),
      }),
    )
    return { ...arm, result }
  } catch (error) {
    if (isCancellation(error)) throw error
    return { ...arm, failed: rootMessage(error) }
  }
}

async function contest(
  stages: StageRunner,
  trained: readonly Trained[],
  { judge, agreementPairs, temperature, cache }: CompareInput,
): Promise<Artifact> {
  const done = trained.flatMap(({ result, ...arm }) => (result ? [{ ...arm, result }] : []))
  if (done.length < 2)
    throw ApplicationFailure.nonRetryable(
      `compare: fewer than two arms came to an end: ${trained.map(({ name, failed }) => `${name}: ${failed ?? 'done'}`).join('; ')}`,
    )
  const { seed, result } = done[0]!
  const responses = []
  for (const { name, input, result } of done) {
    responses.push({
      name,
      responses: await stages.run(
        'respond',
        { policy: result.policy, data: result.stages.data!, limits: input.limits, temperature, seed, cache },
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
