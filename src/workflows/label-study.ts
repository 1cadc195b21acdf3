// Several ways of asking a labeler about the same human-labelled pairs: which agrees best with people (paper §4.4)?
import type { Artifact } from '../contracts/artifact'
import { variantLabeler } from '../contracts/label-study-input'
import { workflowSchemas } from '../contracts/workflow-inputs'
import { checkNames } from './check-names'
import { finalFailure } from './failure'
import { parseInput } from './input'
import { stageRunner } from './stage-runner'

export interface LabelStudyResult {
  report: Artifact
  variants: Record<string, Artifact>
  /** Cost of its stages. */
  spent: number
}

export async function labelStudy(input?: unknown): Promise<LabelStudyResult> {
  const settings = parseInput(workflowSchemas.labelStudy, input, 'labelStudy')
  const { seed, cache, limits, task, variants } = settings
  const stages = stageRunner(['model', 'data'], settings)
  await checkNames('labelStudy', settings, stages)
  const model = await stages.model(settings.model)
  const data = await stages.run('data', { task, data: settings.data, limits, model, seed, cache })
  const judged: { name: string; judged: Artifact }[] = []
  for (const variant of variants) {
    const labeler = await stages.labeler(variantLabeler(settings.labeler, variant))
    const judgement = await stages.runOptional(
      'judge',
      { data, labeler, pairs: settings.pairs, seed, cache },
      `judge: ${variant.name}`,
    )
    if (judgement) judged.push({ name: variant.name, judged: judgement })
  }
  if (judged.length === 0) throw finalFailure('labelStudy: every variant was skipped; there is nothing to report')
  const report = await stages.run('study', {
    title: `Ways of asking · ${data.summary.task} · ${judged[0]!.judged.summary.labeler}`,
    settings,
    variants: judged,
    cache,
  })
  return {
    report,
    spent: stages.spent(),
    variants: Object.fromEntries(judged.map(({ name, judged }) => [name, judged])),
  }
}
