// The paper in miniature: every claim of the paper tested in a world whose truth is known, by the workflows that users
// run.
import { ParentClosePolicy, executeChild, workflowInfo } from '@temporalio/workflow'
import type { Artifact } from '../contracts/artifact'
import { brief } from '../contracts/brief'
import { PRETRAINING, runsOf, seedsOf } from '../contracts/miniature'
import type { SweepResult } from '../contracts/sweep'
import { workflowSchemas } from '../contracts/workflow-inputs'
import { childId } from './child-id'
import type { CompareResult } from './compare'
import { parseInput } from './input'
import { stageRunner } from './stage-runner'

export interface MiniatureResult {
  report: Artifact
}

const CHILDREN = { summaries: 'compare', dialogues: 'compare', labels: 'sweep', rewardModels: 'sweep' } as const
type Child = keyof typeof CHILDREN
type Results = { [K in Child]: (typeof CHILDREN)[K] extends 'compare' ? CompareResult : SweepResult }

export async function miniature(input?: unknown): Promise<MiniatureResult> {
  const settings = parseInput(workflowSchemas.miniature, input, 'miniature')
  const stages = stageRunner(['model', 'data', 'sft', ...Object.keys(CHILDREN), 'claims'], {
    ...settings,
    method: 'miniature',
  })
  const { cache } = settings

  const { seed, task, data: rows, limits, settings: training } = PRETRAINING
  const model = await stages.model('world:policy')
  const data = await stages.run('data', { task, data: rows, limits, model, seed, cache })
  const pretrained = await stages.run('sft', { model, data, limits, settings: training, seed, cache })

  const runs = runsOf(settings, pretrained.uri)
  const { memo } = workflowInfo()
  const child = <K extends Child>(name: K) =>
    stages.track(
      name,
      () =>
        executeChild(CHILDREN[name], {
          args: [runs[name]],
          workflowId: childId(name),
          parentClosePolicy: ParentClosePolicy.REQUEST_CANCEL,
          staticSummary: brief(name),
          ...(memo?.sweep !== undefined && { memo: { sweep: memo.sweep } }),
        }) as Promise<Results[K]>,
    )
  const [summaries, dialogues, labels, rewardModels] = await Promise.all([
    child('summaries'),
    child('dialogues'),
    child('labels'),
    child('rewardModels'),
  ])

  const report = await stages.run('claims', {
    title: `The paper in miniature · ${settings.size}`,
    settings,
    seeds: seedsOf(settings),
    summaries: summaries.report,
    dialogues: dialogues.report,
    labels: labels.report,
    rewardModels: rewardModels.report,
    cache,
  })
  return { report }
}
