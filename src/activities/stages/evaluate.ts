// Stage `evaluate`: the policy against its baseline on held-out prompts, and the judge against people.
import { join } from 'node:path'
import { writeFileSync } from 'node:fs'
import { InvalidInput } from '../../contracts/parse'
import type { StageInput } from '../../contracts/stages'
import type { Row } from '../../data/row'
import type { Task } from '../../data/task'
import { writeJsonl } from '../../json-lines'
import { mean } from '../../mean'
import { measureAlignment } from '../../evaluation/alignment'
import { controlledWinRate, judgeContests, verdictRates, winRate, type JudgedContest } from '../../evaluation/win-rate'
import type { Asked } from '../../feedback/jury'
import { isUnanswered } from '../../feedback/labeler'
import { judgeAlone } from '../../feedback/verdict'
import { generateResponses } from '../generated-responses'
import { alignmentFigures, shareFigures } from '../figures'
import { openLabeler } from '../labeler'
import { promptDigest } from '../prompt-digest'
import { readResponses, type Response } from '../responses'
import { CONTESTS_FILE, RESULT_FILE } from '../result-files'
import { readData } from '../rows'
import { progressReporter, type Stage, type StageHost } from '../stage'

export const evaluate: Stage<'evaluate'> = {
  async run(input, host) {
    const { task, train, evaluation } = readData(await host.open(input.data))
    const policy = await responsesOf('policy', evaluation, input, host)
    const baseline = await responsesOf('baseline', evaluation, input, host)
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
    const rated = await rateAlone(judge, task, judged, host)
    const rows = [...evaluation, ...train]
    const alignment = await measureAlignment(judge, rows, input.settings.agreementPairs, {
      task,
      technique,
      seed: input.seed,
      onProgress: progressReporter(host, 'comparing with people', input.settings.agreementPairs, 'pairs'),
    })
    const meanLength = (texts: readonly string[]) => mean(texts.map(({ length }) => length))
    const result = {
      judge: judge.name,
      winRate: rate,
      controlled,
      equal: judged.filter((c) => c.policy === c.baseline).length,
      failed: judged.filter((c) => c.failed !== undefined).length,
      alignment,
      length: { policy: meanLength(policy), baseline: meanLength(baseline) },
      ...(rated && { verdict: rated.rates }),
    }
    writeJsonl(join(host.output, CONTESTS_FILE), rated?.contests ?? judged)
    writeFileSync(join(host.output, RESULT_FILE), JSON.stringify(result, null, 2))
    return {
      judge: judge.name,
      contests: rate.n,
      equal: result.equal,
      failed: result.failed,
      ...shareFigures('winRate', rate),
      ...shareFigures('lengthControlledWinRate', controlled),
      ...(rated && {
        ...shareFigures('verdictRate', rated.rates.policy),
        ...shareFigures('baselineVerdictRate', rated.rates.baseline),
      }),
      ...alignmentFigures(alignment),
      ...spent(),
    }
  },
}

/** The texts of one side: sampled before by stage `respond`, or now. */
async function responsesOf(
  side: 'policy' | 'baseline',
  rows: readonly Row[],
  input: StageInput<'evaluate'>,
  host: StageHost,
): Promise<string[]> {
  const { responses, settings } = input
  const sampled = responses
    ? readResponses(await host.open(responses[side]))
    : await generateResponses(
        { rows, first: 0 },
        input[side],
        { ...input, ...settings },
        { host, phase: `responses of the ${side}` },
      )
  refuseOtherPrompts(side, rows, sampled)
  return sampled.map(({ text }) => text)
}

/** @throws InvalidInput when the responses are not to the held-out prompts of the data */
function refuseOtherPrompts(side: string, rows: readonly Row[], responses: readonly Response[]): void {
  if (responses.length === rows.length && responses.every(({ prompt }, i) => prompt === promptDigest(rows[i]!))) return
  throw new InvalidInput(
    `evaluate: field "responses.${side}" names responses to other prompts than the held-out ones of the data`,
  )
}

/** Where the task asks for a verdict: the judge's on each response alone, and the share of good ones of each side. */
async function rateAlone(judge: Asked, { verdict }: Task, contests: readonly JudgedContest[], host: StageHost) {
  if (!verdict) return undefined
  const responses = contests.flatMap(({ context, policy, baseline }) => [
    { context, response: policy },
    { context, response: baseline },
  ])
  const onProgress = progressReporter(host, 'judging responses alone', responses.length, 'responses')
  const answers = await judgeAlone(judge, verdict, responses, onProgress)
  const rated = contests.map((contest, i): JudgedContest => {
    const [policy, baseline] = [answers[2 * i]!, answers[2 * i + 1]!]
    return isUnanswered(policy) || isUnanswered(baseline) ? contest : { ...contest, good: { policy, baseline } }
  })
  return { contests: rated, rates: verdictRates(rated) }
}
