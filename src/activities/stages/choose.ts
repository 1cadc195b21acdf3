// Stage `choose`: among the policies with the highest validation reward, the one that a judge prefers most to the SFT
// model (paper §3.3).
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { InvalidInput } from '../../contracts/parse'
import { JUDGE, type ValidationScores } from '../../contracts/validation-scores'
import { linkOrCopyFolder } from '../../link-or-copy'
import { judgeContests, winRate } from '../../evaluation/win-rate'
import { saysOutage, unansweredError } from '../../feedback/endpoint-errors'
import type { Choice } from '../../report/report'
import { openLabeler } from '../labeler'
import { CHOICE_FILE } from '../result-files'
import { candidateFolder, readCandidates, readData } from '../rows'
import { progressReporter, type Stage } from '../stage'
import { orNull, writeValidationScores } from '../validation-files'

export const choose: Stage<'choose'> = {
  async run(input, host) {
    const { task } = readData(await host.open(input.data))
    const folder = await host.open(input.candidates)
    const { rows, initial, candidates } = readCandidates(folder)
    if (candidates.length === 0)
      throw new InvalidInput(
        'choose: the artifact has no candidates; set rl.candidates, or onlineDpo.candidates, above 0',
      )
    const { labeler: judge, technique, spent } = await openLabeler(input.judge, host, 'judge')
    const report = progressReporter(host, 'judging candidates', candidates.length * rows.length, 'pairs')
    const judged: Choice['candidates'] = []
    const answers: ValidationScores[] = []
    for (const [i, { step, reward, responses }] of candidates.entries()) {
      const contests = rows.map(({ id, context }, row) => ({
        id,
        context,
        baseline: initial.responses[row]!,
        policy: responses[row]!,
      }))
      const decided = await judgeContests(judge, contests, {
        task,
        technique,
        seed: input.seed,
        onProgress: (done) => report(i * rows.length + done),
      })
      const rate = winRate(decided)
      const reasons = decided.flatMap(({ failed }) => failed ?? [])
      if (rate.n === 0)
        throw unansweredError(
          `choose: ${judge.name} judged none of the responses of step ${step}: ${reasons[0] ?? 'there are none'}; ` +
            'set rl.candidates, or onlineDpo.candidates, to 0 to take the last step without a judge',
          reasons.some(saysOutage),
        )
      judged.push({ step, validationReward: reward, winRate: rate, chosen: false })
      answers.push({ step, scores: { [JUDGE]: decided.map(({ preferPolicy }) => orNull(preferPolicy)) } })
    }
    const chosen = [...judged].sort(
      (a, b) => b.winRate.value - a.winRate.value || b.validationReward - a.validationReward,
    )[0]!
    chosen.chosen = true
    linkOrCopyFolder(join(folder, candidateFolder(chosen.step)), host.output)
    writeValidationScores(host.output, answers)
    const choice: Choice = { judge: judge.name, initialReward: initial.reward, candidates: judged }
    writeFileSync(join(host.output, CHOICE_FILE), JSON.stringify(choice, null, 2))
    return {
      judge: judge.name,
      candidates: judged.length,
      step: chosen.step,
      validationReward: chosen.validationReward,
      winRate: chosen.winRate.value,
      winRateLow: chosen.winRate.low,
      winRateHigh: chosen.winRate.high,
      ...spent(),
    }
  },
}
