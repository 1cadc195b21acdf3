// Stage `reward-model` on Ray: TRL's RewardTrainer with our loss, on our pairs, from the score head that TensorFlow.js has.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { InvalidInput } from '../../contracts/parse'
import type { StageInput } from '../../contracts/stages'
import { largest } from '../../extremes'
import { curriculumRanks } from '../../training/batches'
import { scoreHead } from '../../training/score-head'
import type { Sequence } from '../../training/gradients'
import { bothResponses, measuresOf, refusePaddingGap, writeMeasured, type Measures } from '../reward-model-measures'
import type { Stage } from '../stage'
import { splitPairs, trainingPairs } from '../training-pairs'
import { computeOnRay, refuseUnevenBatch } from './compute'
import { modelOf, openPolicy } from './policy'
import { batchesOf, progressNamed, readHistory, takeTrained, TRAINER_FIGURES } from './training'

const FIGURES = { ...TRAINER_FIGURES, accuracy: 'accuracy' }
const scoresSchema = z.object({ scores: z.array(z.number()), leftPadded: z.array(z.number()) })

export const rewardModelOnRay: Stage<'reward-model'> = {
  async run(input, host) {
    const { settings, seed } = input
    refuseFittedHead(settings.head)
    const policy = await openPolicy(input.policy, host)
    const pairs = splitPairs(await trainingPairs(input.labels, policy, seed, host), settings, seed)
    const measures = await measuresOf(input, pairs, policy, host)
    const items = pairs.training.length
    const rows = Math.min(settings.batchSize, items)
    refuseUnevenBatch('reward-model', rows, input.engine!.ray)
    const steps = Math.ceil((items * settings.epochs) / settings.batchSize)
    const stepsOfEpoch = Math.ceil(items / settings.batchSize)
    const head = scoreHead(policy.model.config.hiddenSize, seed)
    const result = await computeOnRay(
      {
        ...{ stage: 'reward-model', engine: input.engine!.ray, seed, settings, model: modelOf(policy) },
        more: { steps, rows, stepsOfEpoch, head: [...head] },
        rows: {
          'pairs.jsonl': pairs.training.map(({ first, second, preferFirst }) => ({
            ...{ prompt: first.prompt, first: first.response, second: second.response },
            preferFirst,
          })),
          'batches.jsonl': batchesOf(items, steps, {
            ...{ batchSize: settings.batchSize, seed, stage: 'reward-model' },
            ranks: curriculumRanks(pairs.training, settings),
          }),
          'measured.jsonl': sequencesOf(measures).map(({ prompt, response }) => [...prompt, ...response]),
        },
        named: progressNamed(FIGURES),
      },
      host,
    )
    const scores = readScores(result, measures)
    refusePaddingGap(scores.paddingGap)
    takeTrained(join(result, 'policy'), host.output, { artifact: input.policy, policy, isClassifier: true })
    const history = readHistory(result, FIGURES)
    return writeMeasured(host.output, measures, scores, { history, batchSize: settings.batchSize })
  },
}

function refuseFittedHead(head: StageInput<'reward-model'>['settings']['head']): void {
  if (head !== 'fitted') return
  throw new InvalidInput(
    'reward-model: field "rewardModel.head" is "fitted", which only the embedded engine computes; ' +
      'leave it out, or leave out "engine"',
  )
}

/** Those that are scored on either side of the padding come first. */
const sequencesOf = ({ checked, averaged, held, human }: Measures): Sequence[] => [
  ...checked,
  ...averaged,
  ...bothResponses(held),
  ...bothResponses(human),
]

function readScores(result: string, { checked, averaged, held }: Measures) {
  const read = scoresSchema.parse(JSON.parse(readFileSync(join(result, 'scores.json'), 'utf8')))
  const [a, b, c] = [
    checked.length,
    checked.length + averaged.length,
    checked.length + averaged.length + 2 * held.length,
  ]
  return {
    paddingGap: largest(read.leftPadded.map((score, i) => Math.abs(score - read.scores[i]!))),
    averaged: read.scores.slice(a, b),
    held: read.scores.slice(b, c),
    human: read.scores.slice(c),
  }
}
