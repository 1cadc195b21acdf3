// Stage `sweep-report`: the trials of a sweep as one report, compared with the night before and a pinned baseline.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { artifactsIn } from '../../artifacts/store'
import type { Artifact, Summary } from '../../contracts/artifact'
import { parse } from '../../contracts/parse'
import type { StageInput } from '../../contracts/stages'
import { linkSchema, metricOf, sweepSchema, type EndedTrial, type Link, type SweepInput } from '../../contracts/sweep'
import { trialsOf, type Trial } from '../../contracts/sweep-trials'
import { readJsonFile } from '../../data/task'
import { kinshipRemarks } from '../../evaluation/model-family'
import type { SweptTrial, StageTime } from '../../evaluation/sweep'
import { distinctCautions, trainedBy } from '../../report/stage-cautions'
import { renderSweep, sweepCsv } from '../../report/sweep'
import { findingsOf, headline, type OtherSweep, type SweepData } from '../../report/sweep-findings'
import { version } from '../../version'
import { originOf, type Stage, type StageHost } from '../stage'

const sweptSchema = z.object({
  night: z.string().optional(),
  previous: z.object({ night: z.string(), report: linkSchema }).optional(),
  trials: z.array(
    z.object({
      trial: z.number(),
      levels: z.record(z.string(), z.string()),
      repeat: z.number(),
      seed: z.number(),
      state: z.enum(['done', 'failed', 'skipped']),
      seconds: z.number().optional(),
      cost: z.number().optional(),
      message: z.string().optional(),
      report: z.string().optional(),
      figures: z.record(z.string(), z.number()),
      cautions: z.array(z.string()).optional(),
      stages: z.array(z.object({ stage: z.string(), seconds: z.number(), uri: z.string() })),
    }),
  ),
})
const FILE = 'sweep.json'

export const sweepReport: Stage<'sweep-report'> = {
  async run(input, host) {
    const settings = parse(sweepSchema, input.settings, 'sweep-report') as SweepInput
    const trials = trialsOf(settings, input.night, 'checked before')
    const swept: SweptTrial[] = []
    for (const ended of input.ended) swept.push(await sweptTrial(trials[ended.trial]!, ended, host))
    const data: SweepData = {
      title: input.title,
      origin: originOf(host),
      name: settings.name,
      workflow: settings.workflow,
      preset: settings.preset,
      task: taskOf(settings),
      metric: metricOf(settings),
      higherIsBetter: settings.higherIsBetter,
      night: input.night,
      settings: input.settings,
      version,
      trials: swept,
      others: await othersOf(input, host),
    }
    const findings = findingsOf(data)
    writeFileSync(join(host.output, 'report.html'), renderSweep(data, findings))
    writeFileSync(join(host.output, 'sweep.csv'), sweepCsv(data))
    const { name, metric, higherIsBetter, night } = data
    const { previous } = input
    writeFileSync(
      join(host.output, FILE),
      `${JSON.stringify({ name, metric, higherIsBetter, night, previous, trials: swept, ...findings }, null, 2)}\n`,
    )
    const count = (state: SweptTrial['state']) => swept.filter((trial) => trial.state === state).length
    const { best } = findings
    return {
      headline: headline(data, findings),
      trials: swept.length,
      done: count('done'),
      failed: count('failed'),
      skipped: count('skipped'),
      metric: data.metric,
      ...(best && { best: JSON.stringify(best.levels), bestValue: best.metric.value }),
    }
  },
}

const taskOf = ({ base }: SweepInput): string => {
  const input = typeof base.base === 'object' && base.base !== null ? (base.base as Record<string, unknown>) : base
  return typeof input.task === 'string' ? input.task : 'summarization'
}

async function sweptTrial(
  { levels, repeat, seed }: Trial,
  { trial, state, seconds, cost, message, result }: EndedTrial,
  host: StageHost,
): Promise<SweptTrial> {
  const figures = result ? await figuresOf(result, host) : { figures: {}, stages: [] }
  return { trial, levels, repeat, seed, state, seconds, cost, message, ...figures }
}

type TrialFigures = Pick<SweptTrial, 'figures' | 'stages' | 'report' | 'cautions'>

/**
 * Every figure of a trial: of its report or only artifact, and of the artifacts it was made from, which its input
 * lists.
 */
async function figuresOf(result: Link, host: StageHost): Promise<TrialFigures> {
  const { stage, summary, seconds, input, files } = await host.manifest(result)
  const parts = await Promise.all(
    artifactsIn(input).map(async (part) => ({ ...(await stageTime(part, host)), summary: part.summary ?? {} })),
  )
  const all = [...parts, { stage, seconds, uri: result.uri, summary }]
  return {
    figures: {
      ...Object.fromEntries(
        all
          .reverse()
          .flatMap(({ stage, summary }) =>
            Object.entries(summary).flatMap(([name, value]) =>
              typeof value === 'number' ? [[`${stage}.${name}`, value]] : [],
            ),
          ),
      ),
      ...figuresInFiles(stage, await host.open(result)),
    },
    cautions: [...distinctCautions(all), ...judgeRemarks(all)],
    stages: all.map(({ stage, seconds, uri }): StageTime => ({ stage, seconds, uri })),
    ...(files.some(({ name }) => name === 'report.html') && { report: `${result.uri}/report.html` }),
  }
}

/** How the judges of a trial's win rates are related to what trained its policy, by their names. */
const judgeRemarks = (stages: readonly { stage: string; summary: Summary }[]): string[] =>
  stages.flatMap(({ stage, summary: { judge } }) =>
    typeof judge === 'string' && ['evaluate', 'contest'].includes(stage)
      ? kinshipRemarks({ judge, ...trainedBy(stages) })
      : [],
  )

/** Of an artifact that was removed since, only the summary is known. */
async function stageTime({ uri, sha256 }: Artifact, host: StageHost): Promise<StageTime> {
  try {
    const { stage, seconds } = await host.manifest({ uri, sha256 })
    return { stage, seconds, uri }
  } catch {
    return { stage: uri.split('/').at(-2) ?? '', seconds: 0, uri }
  }
}

const shareSchema = z.object({ value: z.number().nullable(), low: z.number().nullable() })
const studySchema = z.object({
  rows: z.array(
    z.object({
      name: z.string(),
      agreement: shareSchema.extend({ n: z.number().default(0) }),
      sameSlot: shareSchema,
      spent: z.record(z.string(), z.number()).default({}),
    }),
  ),
})
const comparisonSchema = z.object({
  duels: z.array(z.object({ first: z.string(), second: z.string(), winRate: shareSchema })),
})

/** Figures of each part of a study or a comparison, which are too many for their summaries. */
function figuresInFiles(stage: string, folder: string): Record<string, number> {
  const entries = (): [string, number | null][] => {
    if (stage === 'study') {
      const { rows } = studySchema.parse(readJsonFile(join(folder, 'study.json')))
      const named = (figure: string, name: string) =>
        rows.length === 1 ? `study.${figure}` : `study.${figure} of ${name}`
      return rows.flatMap(({ name, agreement, sameSlot, spent }) => [
        [named('agreement', name), agreement.value],
        [named('agreementLow', name), agreement.low],
        [named('sameSlot', name), sameSlot.value],
        [named('tokensPerPair', name), tokensPerPair(spent, agreement.n)],
      ])
    }
    if (stage === 'comparison')
      return comparisonSchema
        .parse(readJsonFile(join(folder, 'comparison.json')))
        .duels.map(({ first, second, winRate }) => [`comparison.${first} over ${second}`, winRate.value])
    return []
  }
  return Object.fromEntries(entries().filter((entry): entry is [string, number] => entry[1] !== null))
}

/** Tokens of questions and answers; null where answers of other work were used, whose tokens are not known. */
const tokensPerPair = (spent: Record<string, number>, pairs: number): number | null =>
  spent.promptTokens === undefined || (spent.reusedAnswers ?? 0) > 0 || pairs === 0
    ? null
    : (spent.promptTokens + (spent.completionTokens ?? 0)) / pairs

/**
 * The night before this one, and the baseline. For a night that ran late, after later ones, the night before is further
 * back.
 */
async function othersOf(
  { night, previous, baseline }: StageInput<'sweep-report'>,
  host: StageHost,
): Promise<OtherSweep[]> {
  const read = async (link: Link) => sweptSchema.parse(readJsonFile(join(await host.open(link), FILE)))
  const other = async (called: string, link: Link): Promise<OtherSweep> => ({
    called,
    report: `${link.uri}/report.html`,
    trials: (await read(link)).trials,
  })
  let before = previous
  while (before && night !== undefined && before.night >= night) before = (await read(before.report)).previous
  return [
    ...(before ? [await other(`the night of ${before.night}`, before.report)] : []),
    ...(baseline ? [await other('the pinned baseline', baseline)] : []),
  ]
}
