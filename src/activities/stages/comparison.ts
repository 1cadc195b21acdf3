// Stage `comparison`: the contests of several policies as one report, with its figures as JSON and CSV.
import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { LOG_FILE } from '../../artifacts/store'
import type { Artifact } from '../../contracts/artifact'
import { parse } from '../../contracts/parse'
import type { StageInput } from '../../contracts/stages'
import { readJsonl } from '../../json-lines'
import { compare, type Comparison } from '../../evaluation/comparison'
import { renderComparison, type ComparedArm, type ComparisonData } from '../../report/comparison'
import { csvOf } from '../../report/csv'
import type { StageRecord } from '../../report/provenance'
import { version } from '../../version'
import { readContest } from '../result-files'
import { originOf, type Stage, type StageHost } from '../stage'

const metricsSchema = z.record(z.string(), z.number())
const FIRST_SEED = 1

export const comparison: Stage<'comparison'> = {
  async run(input, host) {
    const read = await Promise.all(
      input.contests.map(async (artifact) => ({
        ...(await contestInput(artifact, host)),
        ...readContest(await host.open(artifact)),
      })),
    )
    const ofSeed = (seed: number, id: string) => (read.length > 1 ? `${seed}/${id}` : id)
    const prompts = read.flatMap(({ seed, prompts }) =>
      prompts.map((prompt) => ({ ...prompt, seed, id: ofSeed(seed, prompt.id) })),
    )
    const bouts = read.flatMap(({ seed, bouts }) => bouts.map((bout) => ({ ...bout, id: ofSeed(seed, bout.id) })))
    const compared = compare(prompts, bouts, FIRST_SEED)
    const records = new Map<string, StageRecord>()
    const arms: ComparedArm[] = []
    for (const arm of input.arms) arms.push(await comparedArm(arm, records, host))
    for (const artifact of input.contests) await record(artifact, records, host)
    const data: ComparisonData = {
      title: input.title,
      workflow: input.workflow,
      ended: input.ended,
      origin: originOf(host),
      task: read[0]!.task,
      settings: input.settings,
      version,
      judge: read[0]!.judge,
      orders: read[0]!.orders,
      seeds: read.map(({ seed }) => seed),
      alignment: read[0]!.alignment,
      arms,
      records,
      comparison: compared,
      prompts,
      labelers: [
        ...new Set(
          [...records.values()].flatMap(({ stage, summary }) =>
            stage === 'label' && typeof summary.labeler === 'string' ? [summary.labeler] : [],
          ),
        ),
      ],
    }
    writeFileSync(join(host.output, 'report.html'), renderComparison(data))
    writeFileSync(
      join(host.output, 'comparison.json'),
      `${JSON.stringify({ ...compared, judge: data.judge, alignment: data.alignment }, null, 2)}\n`,
    )
    writeFileSync(join(host.output, 'comparison.csv'), csv(compared))
    const widest = compared.duels
      .filter(({ winRate }) => winRate.n > 0)
      .sort((a, b) => Math.abs(b.winRate.value - 0.5) - Math.abs(a.winRate.value - 0.5))
      .at(0)
    return {
      task: data.task,
      policies: compared.standings.length,
      prompts: prompts.length,
      widest: widest ? `${widest.first} against ${widest.second}` : null,
      widestWinRate: widest?.winRate.value ?? null,
      widestP: widest?.p ?? null,
    }
  },
}

const judgeSchema = z
  .object({ orders: z.number().optional(), comparison: z.string().optional(), jury: z.array(z.unknown()).optional() })
  .transform(({ orders, comparison, jury }) => ({
    orders: comparison === 'pointwise' ? 0 : jury ? ('as a jury' as const) : orders,
  }))
const contestInputSchema = z.object({
  seed: z.number(),
  judge: z.object({ settings: judgeSchema }).optional(),
})

async function contestInput(
  artifact: Artifact,
  host: StageHost,
): Promise<{ seed: number; orders: ComparisonData['orders'] }> {
  const { input } = await host.manifest(artifact)
  const { seed, judge } = parse(contestInputSchema, input, `comparison: ${artifact.uri}`)
  return { seed, orders: judge?.settings.orders }
}

async function record(artifact: Artifact, records: Map<string, StageRecord>, host: StageHost): Promise<void> {
  const { stage, seconds, summary, version } = await host.manifest(artifact)
  records.set(artifact.uri, { stage, seconds, summary, version, uri: artifact.uri, sha256: artifact.sha256 })
}

async function comparedArm(
  { name, like, method, seed, report, failed, stages }: StageInput<'comparison'>['arms'][number],
  records: Map<string, StageRecord>,
  host: StageHost,
): Promise<ComparedArm> {
  for (const artifact of Object.values(stages)) await record(artifact, records, host)
  const sampling = stages.rl ?? stages['online-dpo']
  const log = sampling && join(await host.open(sampling), LOG_FILE)
  return {
    name,
    like,
    method,
    seed,
    ...(report && { report: `${report.uri}/report.html` }),
    ...(failed !== undefined && { failed }),
    stages: Object.fromEntries(Object.entries(stages).map(([stage, { uri }]) => [stage, uri])),
    rl: log && existsSync(log) ? readJsonl(log, metricsSchema) : [],
  }
}

const CSV_HEAD = [
  ...['first', 'second', 'prompts', 'win_rate', 'low', 'high', 'controlled', 'controlled_low', 'controlled_high'],
  ...['p_holm', 'equal', 'failed'],
]

function csv({ duels }: Comparison): string {
  const lines = duels.map(({ first, second, winRate, controlled, equal, failed, p }) => [
    first,
    second,
    winRate.n,
    ...[winRate.value, winRate.low, winRate.high, controlled.value, controlled.low, controlled.high].map((value) =>
      winRate.n > 0 ? value : undefined,
    ),
    p,
    equal,
    failed,
  ])
  return csvOf([CSV_HEAD, ...lines])
}
