// Stage `evaluate`: the policy against its baseline on held-out prompts, and the judge against people.
import { join } from 'node:path'
import { writeFileSync } from 'node:fs'
import type { Artifact } from '../../contracts/artifact'
import { writeJsonl } from '../../json-lines'
import { measureAlignment } from '../../evaluation/alignment'
import { controlledWinRate, judgeContests, winRate } from '../../evaluation/win-rate'
import { alignmentFigures, shareFigure, shareFigures } from '../figures'
import { openLabeler } from '../labeler'
import { generateResponses } from '../responses'
import { CONTESTS_FILE, RESULT_FILE } from '../result-files'
import { readData } from '../rows'
import { progressReporter, type Stage } from '../stage'

export const evaluate: Stage<'evaluate'> = {
  async run(input, host) {
    const { task, train, evaluation } = readData(await host.open(input.data))
    const respond = async (policy: Artifact, phase: string) =>
      (await generateResponses(evaluation, policy, { ...input, ...input.settings }, { host, phase })).map(
        ({ text }) => text,
      )
    const policy = await respond(input.policy, 'responses of the policy')
    const baseline = await respond(input.baseline, 'responses of the baseline')
    const { labeler: judge, technique, spent } = await openLabeler(input.judge, host, 'judge')
    const contests = evaluation.map(({ id, context }, i) => ({
      id,
      context,
      baseline: baseline[i]!,
      policy: policy[i]!,
    }))
    const judged = await judgeContests(judge, contests, {
      task,
      technique,
      seed: input.seed,
      onProgress: progressReporter(host, 'judging', contests.length, 'pairs'),
    })
    const rate = winRate(judged)
    const controlled = controlledWinRate(judged)
    const rows = [...evaluation, ...train]
    const alignment = await measureAlignment(judge, rows, input.settings.agreementPairs, {
      task,
      technique,
      seed: input.seed,
      onProgress: progressReporter(host, 'comparing with people', input.settings.agreementPairs, 'pairs'),
    })
    const meanLength = (texts: readonly string[]) => texts.reduce((sum, text) => sum + text.length, 0) / texts.length
    const result = {
      judge: judge.name,
      winRate: rate,
      controlled,
      equal: judged.filter((c) => c.policy === c.baseline).length,
      failed: judged.filter((c) => c.failed !== undefined).length,
      alignment,
      length: { policy: meanLength(policy), baseline: meanLength(baseline) },
    }
    writeJsonl(join(host.output, CONTESTS_FILE), judged)
    writeFileSync(join(host.output, RESULT_FILE), JSON.stringify(result, null, 2))
    return {
      judge: judge.name,
      contests: rate.n,
      equal: result.equal,
      failed: result.failed,
      ...shareFigures('winRate', rate),
      lengthControlledWinRate: shareFigure(controlled),
      ...alignmentFigures(alignment),
      ...spent(),
    }
  },
}
