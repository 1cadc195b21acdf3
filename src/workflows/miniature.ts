// The paper in miniature: every claim of the paper tested in a world whose truth is known, by the workflows that users
// run; or, as a study of its own, what is said of feedback of other shapes.
import { ParentClosePolicy, executeChild, workflowInfo } from '@temporalio/workflow'
import type { Artifact } from '../contracts/artifact'
import { brief } from '../contracts/brief'
import { PRETRAINING, runsOf, seedsOf, type MiniatureInput } from '../contracts/miniature'
import { feedbackRunsOf } from '../contracts/miniature-feedback'
import type { StageInput } from '../contracts/stages'
import type { SweepResult } from '../contracts/sweep'
import { workflowSchemas } from '../contracts/workflow-inputs'
import { childId } from './child-id'
import type { CompareResult } from './compare'
import { parseInput } from './input'
import type { RoundsResult } from './rounds'
import { stageRunner, type StageRunner } from './stage-runner'

export interface MiniatureResult {
  report: Artifact
}

interface Results {
  compare: CompareResult
  sweep: SweepResult
  rounds: RoundsResult
}
/** The parts of the study of the paper, in the order they start. */
const OF_PAPER = ['summaries', 'dialogues', 'labels', 'rewardModels']
const nameOfRounds = (seed: number) => `rounds, seed ${seed}`
const partsOf = (settings: MiniatureInput): string[] =>
  settings.study === 'feedback' ? ['policies', 'labels', ...seedsOf(settings).map(nameOfRounds)] : OF_PAPER

export async function miniature(input?: unknown): Promise<MiniatureResult> {
  const settings = parseInput(workflowSchemas.miniature, input, 'miniature')
  const stages = stageRunner(['model', 'data', 'sft', ...partsOf(settings), 'claims'], {
    ...settings,
    method: 'miniature',
  })
  const { cache } = settings

  const { seed, task, data: rows, limits, settings: training } = PRETRAINING
  const model = await stages.model('world:policy')
  const data = await stages.run('data', { task, data: rows, limits, model, seed, cache })
  const pretrained = await stages.run('sft', { model, data, limits, settings: training, seed, cache })

  const run = settings.study === 'feedback' ? feedbackStudy : paperStudy
  const report = await stages.run('claims', await run(stages, settings, pretrained.uri))
  return { report }
}

async function paperStudy(
  stages: StageRunner,
  settings: MiniatureInput,
  pretrained: string,
): Promise<StageInput<'claims'>> {
  const runs = runsOf(settings, pretrained)
  const [summaries, dialogues, labels, rewardModels] = await Promise.all([
    part(stages, 'compare', 'summaries', runs.summaries),
    part(stages, 'compare', 'dialogues', runs.dialogues),
    part(stages, 'sweep', 'labels', runs.labels),
    part(stages, 'sweep', 'rewardModels', runs.rewardModels),
  ])
  return {
    title: `The paper in miniature · ${settings.size}`,
    settings,
    seeds: seedsOf(settings),
    summaries: summaries.report,
    dialogues: dialogues.report,
    labels: labels.report,
    rewardModels: rewardModels.report,
    cache: settings.cache,
  }
}

async function feedbackStudy(
  stages: StageRunner,
  settings: MiniatureInput,
  pretrained: string,
): Promise<StageInput<'claims'>> {
  const runs = feedbackRunsOf(settings, pretrained)
  const [policies, labels, ...rounds] = await Promise.all([
    part(stages, 'compare', 'policies', runs.policies),
    part(stages, 'sweep', 'labels', runs.labels),
    ...runs.rounds.map((one) => part(stages, 'rounds', nameOfRounds(one.seed), one, `rounds-${one.seed}`)),
  ])
  return {
    title: `Feedback of other shapes in miniature · ${settings.size}`,
    settings,
    seeds: seedsOf(settings),
    study: 'feedback',
    summaries: policies.report,
    labels: labels.report,
    rounds: rounds.map(({ report }) => report),
    cache: settings.cache,
  }
}

/** A part of the study is its own run. @param shownAs its name among the stages */
function part<W extends keyof Results>(
  stages: StageRunner,
  workflow: W,
  shownAs: string,
  input: object,
  id = shownAs,
): Promise<Results[W]> {
  const { memo } = workflowInfo()
  return stages.track(
    shownAs,
    () =>
      executeChild(workflow, {
        args: [input],
        workflowId: childId(id),
        parentClosePolicy: ParentClosePolicy.REQUEST_CANCEL,
        staticSummary: brief(shownAs),
        ...(memo?.sweep !== undefined && { memo: { sweep: memo.sweep } }),
      }) as Promise<Results[W]>,
  )
}
