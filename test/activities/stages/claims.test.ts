// Stage `claims` reads artifacts of comparisons and sweeps; here they are written by hand, with known figures.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { claims } from '../../../src/activities/stages/claims'
import type { Artifact } from '../../../src/contracts/artifact'
import { writeJsonl } from '../../../src/json-lines'
import type { Claim } from '../../../src/evaluation/claims'
import type { SeedFigures } from '../../../src/evaluation/paper-claims'
import { goldScore } from '../../../src/world/gold'
import { FLAWLESS, postOf, summaryOf } from '../../../src/world/posts'
import { temporaryFolder } from '../../tiny-folder'
import { computeStage } from '../compute-stage'

type Figures = Artifact['summary']
function artifact(files: Record<string, string | object[]>, input: object = {}, summary: Figures = {}): Artifact {
  const folder = temporaryFolder()
  mkdirSync(folder, { recursive: true })
  for (const [name, content] of Object.entries(files)) {
    if (typeof content === 'string') writeFileSync(join(folder, name), content)
    else writeJsonl(join(folder, name), content)
  }
  writeFileSync(join(folder, 'manifest.json'), JSON.stringify({ input, summary }))
  return { uri: `file://${folder}`, sha256: '0'.repeat(64), bytes: 1, summary }
}

const posts = (seed: number) => Array.from({ length: 10 }, (_, i) => postOf(seed, i))
const GARBLED = 'Nothing happened.'

/** Of ten prompts `rlaif` wins eight. */
function contest(seed: number, task: string): Artifact {
  const prompts = posts(seed).map((post, i) => ({
    id: `${i}`,
    context: post.text,
    responses: { sft: GARBLED, rlaif: summaryOf(post, FLAWLESS, [seed, i]) },
    ...(task === 'harmless' && { good: { sft: i < 4 ? 1 : 0, rlhf: 1, rlaif: 1 } }),
  }))
  const bouts = prompts.map(({ id }, i) => ({ id, first: 'sft', second: 'rlaif', preferFirst: i < 8 ? 0.1 : 0.9 }))
  return artifact({
    'prompts.jsonl': prompts,
    'bouts.jsonl': bouts,
    'result.json': JSON.stringify({ task, judge: 'gold' }),
  })
}

function comparison(seeds: readonly number[], task: string): Artifact {
  const rl = (seed: number) => {
    const rows = posts(seed).map(({ text }, i) => ({ id: `${i}`, context: text }))
    const right = posts(seed).map((post, i) => summaryOf(post, FLAWLESS, [seed, i]))
    const texts = [
      { step: 0, reward: 0, responses: rows.map(() => GARBLED) },
      { step: 5, reward: 1, responses: right },
    ]
    return artifact(
      {
        'candidates.json': JSON.stringify({ rows, initial: texts[0], candidates: [texts[1]] }),
        'validations.jsonl': texts,
      },
      {},
      { kl: 2.5 },
    )
  }
  const rewardModel = artifact({}, {}, { humanAccuracy: 0.7, humanPairs: 300 })
  const arms = seeds.flatMap((seed) => [
    { name: 'sft', method: 'sft', seed, stages: {} },
    { name: 'rlaif', method: 'rlaif', seed, stages: { rl: rl(seed), 'reward-model': rewardModel } },
  ])
  return artifact({}, { title: 'by hand', contests: seeds.map((seed) => contest(seed, task)), arms })
}

const sweep = (trials: object[]) => artifact({ 'sweep.json': JSON.stringify({ trials }) })
const labeler = (model: string) => ({
  labeler: JSON.stringify({ baseUrl: 'world:', model, concurrency: 32 }),
  variants: '[…',
})

test('figures of a seed come from comparisons, validations and sweeps, and the claims from them', async () => {
  const seeds = [3, 4]
  const labels = sweep(
    seeds.flatMap((seed) => [
      {
        seed,
        levels: labeler('L'),
        figures: {
          'study.pairs': 100,
          'study.agreement of both orders': 0.8,
          'study.agreement of one order': 0.75,
          'study.sameSlot of both orders': 0.2,
          'study.agreement of pointwise': 0.79,
          'study.tokensPerPair of both orders': 400,
          'study.tokensPerPair of pointwise': 300,
        },
      },
      {
        seed,
        levels: labeler('S'),
        figures: {
          'study.pairs': 100,
          'study.agreement of both orders': 0.7 + seed / 100,
          'study.agreement of one order': 0.6,
          'study.sameSlot of both orders': 0.3,
        },
      },
    ]),
  )
  const rewardModels = sweep(
    seeds.flatMap((seed) => [
      {
        seed,
        levels: { 'rewardModel.trainShare': '1' },
        figures: { 'reward-model.humanAccuracy': 0.7, 'reward-model.humanPairs': 300 },
      },
      {
        seed,
        levels: { 'labeler.labels': 'hard' },
        figures: { 'reward-model.humanAccuracy': 0.6 + seed / 100, 'reward-model.humanPairs': 300 },
      },
    ]),
  )
  const made = await computeStage(claims, 'claims', {
    title: 'By hand',
    settings: {},
    seeds,
    summaries: comparison(seeds, 'summarization'),
    dialogues: comparison(seeds, 'harmless'),
    labels,
    rewardModels,
  })
  const folder = made.uri.slice('file://'.length)
  const written = JSON.parse(readFileSync(join(folder, 'claims.json'), 'utf8')) as {
    claims: Claim[]
    seeds: SeedFigures[]
  }
  const value = (id: string) => written.claims.find((claim) => claim.id === id)!.estimate?.value
  expect(written.seeds[0]).toMatchObject({
    seed: 3,
    duels: {
      'rlaif/sft': { raw: { value: expect.closeTo(0.8, 10) as number } },
      'sft/rlaif': { raw: { value: expect.closeTo(0.2, 10) as number } },
    },
    kl: { rlaif: 2.5 },
    gold: { sft: goldScore(postOf(3, 0).text, GARBLED), rlaif: expect.closeTo(1, 10) as number },
    goldBySteps: {
      rlaif: [
        [0, goldScore(postOf(3, 0).text, GARBLED)],
        [5, expect.closeTo(1, 10) as number],
      ],
    },
  })
  expect(value('rlaif-sft')).toBeCloseTo(0.8, 10)
  expect(value('harmless-rlhf-sft')).toBeUndefined() // no such arm among the comparison's policies
  expect(value('alignment-l-s')).toBeCloseTo(0.8 - 0.735, 10)
  expect(written.seeds[0]).toMatchObject({
    agreement: { 'L, pointwise': { value: 0.79 } },
    sameSlot: { L: { value: 0.2 } },
    tokens: { 'L, both orders': { value: 400 }, 'L, pointwise': { value: 300 } },
  })
  expect(value('slot-s-l')).toBeCloseTo(0.1, 10)
  expect(value('soft')).toBeCloseTo(0.7 - 0.635, 10)
  expect(made.summary).toMatchObject({
    claims: written.claims.length,
    seeds: 2,
    'rlaif-sft': expect.closeTo(0.8, 10) as number,
  })
  expect(readFileSync(join(folder, 'report.html'), 'utf8')).toMatch(/RLAIF beats SFT[\s\S]*80\u00a0%/)
  expect(readFileSync(join(folder, 'claims.md'), 'utf8')).toMatch(/\| RLAIF beats SFT \| 71 %, Table 1 \| 80\u00a0%/)
})

test('a manifest or a sweep of another form is refused by name', async () => {
  const good = comparison([3], 'summarization')
  const run = (parts: object) =>
    computeStage(claims, 'claims', {
      title: 'x',
      settings: {},
      seeds: [3],
      summaries: good,
      dialogues: good,
      labels: sweep([]),
      rewardModels: sweep([]),
      ...parts,
    })
  await expect(run({ summaries: artifact({}, { nothing: true }) })).rejects.toThrow(/claims: file:.*"contests"/s)
  await expect(run({ labels: sweep([{ seed: 'three' }]) })).rejects.toThrow(/claims: file:.*trials\.0\.seed/s)
})
