// Stage `claims`: what the parts of a miniature study measured, seed by seed, and the claims compared with it.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import type { Artifact } from '../../contracts/artifact'
import { parse } from '../../contracts/parse'
import { stageSchemas, type StageInput } from '../../contracts/stages'
import { readJsonFile } from '../../data/task'
import { mean } from '../../mean'
import { claimsOf } from '../../evaluation/claims'
import type { Figure, SeedFigures } from '../../evaluation/paper-claims'
import { compare, type Comparison, type Prompted } from '../../evaluation/comparison'
import { Z95, type Share } from '../../evaluation/statistics'
import { claimsMarkdown } from '../../report/claims'
import { renderMiniature } from '../../report/miniature'
import { version } from '../../version'
import { goldScore } from '../../world/gold'
import { readContest } from '../result-files'
import { readCandidates, readValidations } from '../rows'
import { originOf, type Stage, type StageHost } from '../stage'

export const claims: Stage<'claims'> = {
  async run(input, host) {
    const study = input.study ?? 'paper'
    const seeds = await measuredSeeds(input, host)
    const found = claimsOf(seeds, study)
    writeFileSync(
      join(host.output, 'report.html'),
      renderMiniature({
        title: input.title,
        study,
        origin: originOf(host),
        settings: input.settings,
        version,
        seeds,
        claims: found,
        parts: partsOf(input),
      }),
    )
    writeFileSync(join(host.output, 'claims.json'), `${JSON.stringify({ claims: found, seeds }, null, 2)}\n`)
    writeFileSync(join(host.output, 'claims.md'), claimsMarkdown(found, study))
    const count = (verdict: string) => found.filter((claim) => claim.verdict === verdict).length
    return {
      claims: found.length,
      agree: count('agrees'),
      disagree: count('disagrees'),
      undecided: count('undecided'),
      seeds: seeds.length,
      ...Object.fromEntries(found.flatMap(({ id, estimate }) => (estimate ? [[id, estimate.value]] : []))),
    }
  },
}

/** Addresses of the parts of the study, by their names among its stages. */
function partsOf({ study, seeds, summaries, dialogues, labels, rewardModels, rounds = [] }: StageInput<'claims'>) {
  const ofStudy =
    study === 'feedback' ? { policies: summaries, labels } : { summaries, dialogues, labels, rewardModels }
  const ofSeeds = Object.fromEntries(rounds.map((report, i) => [`rounds, seed ${seeds[i]}`, report]))
  const named = Object.entries<Artifact | undefined>({ ...ofStudy, ...ofSeeds })
  return Object.fromEntries(named.flatMap(([name, report]) => (report ? [[name, report.uri] as const] : [])))
}

async function measuredSeeds(
  { seeds, summaries, dialogues, labels, rewardModels, rounds = [] }: StageInput<'claims'>,
  host: StageHost,
): Promise<SeedFigures[]> {
  const compared = async (reports: readonly (Artifact | undefined)[]) =>
    (await Promise.all(reports.map((report) => (report ? comparedSeeds(report, host) : [])))).flat()
  const [methods, replies, inRounds] = [
    await compared([summaries]),
    await compared([dialogues]),
    await compared(rounds),
  ]
  const judged = await trialsOf(labels, host)
  const trained = rewardModels ? await trialsOf(rewardModels, host) : []
  return Promise.all(
    seeds.map(async (seed) => {
      const isOfSeed = (other: { seed: number }) => other.seed === seed
      const [harmless, ofRounds] = [replies.find(isOfSeed), inRounds.find(isOfSeed)]
      return {
        seed,
        ...merged(
          await methodFigures(methods.find(isOfSeed)!, host),
          ofRounds ? await methodFigures(ofRounds, host) : undefined,
        ),
        harmless: harmless ? ratesOf(harmless) : {},
        ...labelFigures(judged.filter(isOfSeed)),
        accuracyBy: accuracyBy(trained.filter(isOfSeed)),
      }
    }),
  )
}

/** The policies of two comparisons on the same prompts; those of both have the figures of the first. */
function merged(methods: MethodFigures, rounds: MethodFigures | undefined): MethodFigures {
  if (!rounds) return methods
  const both = Object.entries(methods).map(([name, figures]) => [
    name,
    { ...rounds[name as keyof MethodFigures], ...figures },
  ])
  return Object.fromEntries(both) as MethodFigures
}

// ---- Comparisons

const comparisonInput = z.object({
  contests: stageSchemas.comparison.shape.contests,
  arms: stageSchemas.comparison.shape.arms,
})
type Arms = z.infer<typeof comparisonInput>['arms']

interface ComparedSeed {
  seed: number
  comparison: Comparison
  prompts: Prompted[]
  arms: Arms
}

async function comparedSeeds(report: Artifact, host: StageHost): Promise<ComparedSeed[]> {
  const { contests, arms } = parse(comparisonInput, (await host.manifest(report)).input, `claims: ${report.uri}`)
  const seeds = [...new Set(arms.map(({ seed }) => seed))]
  return Promise.all(
    contests.map(async (contest, i) => {
      const { prompts, bouts } = readContest(await host.open(contest))
      return {
        seed: seeds[i]!,
        comparison: compare(prompts, bouts, seeds[i]!),
        prompts,
        arms: arms.filter(({ seed }) => seed === seeds[i]),
      }
    }),
  )
}

/** A share with its standard error, which is not 0 even for a share of 0 or 1 (Agresti and Coull, 1998). */
function shareFigure({ value, n }: Pick<Share, 'value' | 'n'>): Figure {
  const centre = (value * n + 2) / (n + 4)
  return { value, error: Math.sqrt((centre * (1 - centre)) / (n + 4)) }
}
/** A share with the standard error that its interval implies. */
const intervalFigure = ({ value, low, high }: Share): Figure => ({ value, error: (high - low) / (2 * Z95) })

type MethodFigures = Pick<SeedFigures, 'duels' | 'accuracy' | 'goldBySteps' | 'gold' | 'length' | 'kl'>

async function methodFigures({ comparison, prompts, arms }: ComparedSeed, host: StageHost): Promise<MethodFigures> {
  const out: MethodFigures = { duels: {}, accuracy: {}, goldBySteps: {}, gold: {}, length: {}, kl: {} }
  for (const { first, second, winRate, controlled } of comparison.duels) {
    const mirrored = (figure: Figure): Figure => ({ ...figure, value: 1 - figure.value })
    const both = { raw: shareFigure(winRate), controlled: intervalFigure(controlled) }
    out.duels[`${first}/${second}`] = both
    out.duels[`${second}/${first}`] = { raw: mirrored(both.raw), controlled: mirrored(both.controlled) }
  }
  for (const { name, length } of comparison.standings) {
    out.length[name] = length.value
    out.gold[name] = mean(
      prompts.flatMap(({ context, responses }) =>
        responses[name] === undefined ? [] : [goldScore(context, responses[name])],
      ),
    )
  }
  for (const { name, stages } of arms) {
    const { 'reward-model': rewardModel, rl, 'online-dpo': online } = stages
    if (rewardModel) out.accuracy[name] = accuracyOf(rewardModel.summary)
    const trained = rl ?? online
    if (!trained) continue
    out.kl[name] = Number(trained.summary.kl)
    const curve = goldBySteps(await host.open(trained))
    if (curve.length > 0) out.goldBySteps[name] = curve
  }
  return out
}

const accuracyOf = (figures: Record<string, unknown>, prefix = ''): Figure =>
  shareFigure({ value: Number(figures[`${prefix}humanAccuracy`]), n: Number(figures[`${prefix}humanPairs`]) })

/** Empty for a run that was not validated. */
function goldBySteps(folder: string): [number, number][] {
  const validations = readValidations(folder)
  if (validations.length === 0) return []
  const { rows } = readCandidates(folder)
  return validations.map(({ step, responses }) => [
    step,
    mean(responses.map((response, i) => goldScore(rows[i]!.context, response))),
  ])
}

const ratesOf = ({ comparison }: ComparedSeed): SeedFigures['harmless'] =>
  Object.fromEntries(comparison.standings.flatMap(({ name, good }) => (good ? [[name, shareFigure(good)]] : [])))

// ---- Sweeps

const trialSchema = z.object({
  seed: z.number(),
  levels: z.record(z.string(), z.string()),
  figures: z.record(z.string(), z.number()),
})
type Trial = z.infer<typeof trialSchema>

const trialsOf = async (report: Artifact, host: StageHost): Promise<Trial[]> =>
  parse(
    z.object({ trials: z.array(trialSchema) }),
    readJsonFile(join(await host.open(report), 'sweep.json')),
    `claims: ${report.uri}`,
  ).trials

const labelerSchema = z.object({ model: z.string() })
const AGREEMENT = /^study\.agreement of (.*)$/
/** The name of a labeler: as the sweep calls it or, of one that it shows as JSON, its model. */
const labelerOf = (level: string): string =>
  level.startsWith('{') ? parse(labelerSchema, JSON.parse(level), 'claims: labeler of a trial').model : level
type LabelFigures = Pick<SeedFigures, 'agreement' | 'sameSlot' | 'tokens'>
const SAME_SLOT = 'study.sameSlot of both orders'
const TOKENS = /^study\.tokensPerPair of (.*)$/

function labelFigures(trials: readonly Trial[]): LabelFigures {
  const out: LabelFigures = { agreement: {}, sameSlot: {}, tokens: {} }
  for (const { levels, figures } of trials) {
    const model = labelerOf(levels.labeler!)
    const n = figures['study.pairs']!
    for (const [name, value] of Object.entries(figures)) {
      const variant = AGREEMENT.exec(name)?.[1]
      if (variant !== undefined) out.agreement[`${model}, ${variant}`] = shareFigure({ value, n })
      const asked = TOKENS.exec(name)?.[1]
      if (asked !== undefined) out.tokens[`${model}, ${asked}`] = { value, error: NaN }
    }
    if (figures[SAME_SLOT] !== undefined) out.sameSlot[model] = shareFigure({ value: figures[SAME_SLOT], n })
  }
  return out
}

/** By the share of the labels used, and by their kind: the trial with all labels is also the soft one. */
function accuracyBy(trials: readonly Trial[]): SeedFigures['accuracyBy'] {
  const named = trials.map(
    ({ levels, figures }) =>
      [levels['rewardModel.trainShare'] ?? levels['labeler.labels']!, accuracyOf(figures, 'reward-model.')] as const,
  )
  const by = Object.fromEntries(named)
  return { ...by, ...(by['1'] && { soft: by['1'] }) }
}
