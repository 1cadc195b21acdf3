// Stage `evaluate`: the policy against its baseline on held-out prompts, and the judge against people.
import { join } from 'node:path'
import { writeFileSync } from 'node:fs'
import type { Artifact } from '../contracts/artifact'
import type { StageInput } from '../contracts/stages'
import { writeJsonl } from '../data/jsonl'
import type { Row } from '../data/row'
import { measureAlignment } from '../evaluation/alignment'
import { judgeContests, winRate } from '../evaluation/win-rate'
import { generate } from '../model/generate'
import { loadModelAndTokenizer, stopIds } from '../model/loaded'
import { disposeModel } from '../model/model'
import { openLabeler } from './labeler'
import { promptIds, readData } from './rows'
import { counted, measured, type Stage, type StageHost } from './stage'

export const evaluate: Stage<'evaluate'> = {
  async run(input, host) {
    const { task, train, evaluation } = readData(host.open(input.data))
    const policy = await respond(input.policy, evaluation, 'responses of the policy', input, host)
    const baseline = await respond(input.baseline, evaluation, 'responses of the baseline', input, host)
    const { labeler: judge, technique } = openLabeler(input.judge, host)
    const contests = evaluation.map(({ id, context }, i) => ({ id, context, baseline: baseline[i]!, policy: policy[i]! }))
    const judged = await judgeContests(judge, task, contests, technique, input.seed, measured(host, 'judging', contests.length, 'pairs'))
    const rate = winRate(judged)
    const rows = [...evaluation, ...train]
    const alignment = await measureAlignment(judge, task, rows, input.settings.agreementPairs, technique, input.seed, measured(host, 'comparing with people', input.settings.agreementPairs, 'pairs'))
    const meanLength = (texts: readonly string[]) => texts.reduce((sum, text) => sum + text.length, 0) / texts.length
    const result = {
      judge: judge.name,
      winRate: rate,
      equal: judged.filter((c) => c.policy === c.baseline).length,
      failed: judged.filter((c) => c.failed !== undefined).length,
      alignment,
      length: { policy: meanLength(policy), baseline: meanLength(baseline) },
    }
    writeJsonl(join(host.output, 'contests.jsonl'), judged)
    writeFileSync(join(host.output, 'result.json'), JSON.stringify(result, null, 2))
    return {
      judge: judge.name,
      contests: rate.n,
      equal: result.equal,
      winRate: rate.n > 0 ? rate.value : null,
      winRateLow: rate.low,
      winRateHigh: rate.high,
      agreement: alignment?.agreement.value ?? null,
      sameSlot: alignment?.sameSlot.value ?? null,
    }
  },
}

async function respond(policy: Artifact, rows: readonly Row[], phase: string, input: StageInput<'evaluate'>, host: StageHost): Promise<string[]> {
  const loaded = loadModelAndTokenizer(host.open(policy))
  const sampling = { maxTokens: input.limits.responseTokens, temperature: input.settings.temperature, stopIds: stopIds(loaded) }
  const prompts = rows.map((row) => promptIds(loaded, row))
  const responses = await generate(loaded.model, prompts, sampling, [input.seed, 'evaluate'], counted(host, phase, rows.length, 'responses'))
  disposeModel(loaded.model)
  return responses.map(({ ids }) => loaded.tokenizer.decode(ids).trim())
}
