// Stage `rl` on Ray: TRL's RLOOTrainer on our prompts, in our order, against a reward model or the labeler.
import { mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { LOG_FILE } from '../../artifacts/store'
import { algorithmFault, watchFault } from '../../contracts/engine'
import { InvalidInput } from '../../contracts/parse'
import type { StageInput } from '../../contracts/stages'
import type { Row } from '../../data/row'
import { writeJsonl } from '../../json-lines'
import { policyFolders } from '../../model/adapter-base'
import { LOWEST_SCORE, warningOfFloor } from '../reward-floor'
import { readRewardShift } from '../reward-shift'
import { inText, rlFigures, validationPrompts } from '../rl-figures'
import { candidateFolder, promptIds, readData, writeCandidates, writeValidations } from '../rows'
import type { Stage, StageHost } from '../stage'
import { modelVocabulary, refuseOtherVocabulary } from '../vocabulary'
import { computeOnRay, jobFolder, refuseUnevenBatch, type WorkOnRay } from './compute'
import { lengthOf, modelOf, openPolicy, type PolicyOnRay } from './policy'
import { serveLabeler, type ServedLabeler } from './reward-service'
import { batchesOf, progressNamed, readHistory, takeTrained, TRAINER_FIGURES, type FigureNames } from './training'

const FIGURES: FigureNames = {
  reward: 'rewardWithRule',
  rawReward: 'rawReward',
  kl: 'kl',
  length: 'length',
  eosShare: 'eosShare',
  entropy: 'entropy',
  policyLoss: 'loss',
  gradientNorm: TRAINER_FIGURES.gradientNorm!,
  learningRate: TRAINER_FIGURES.learningRate!,
  validationReward: 'validationReward',
}

const recordSchema = z.object({ step: z.number(), reward: z.number(), responses: z.array(z.array(z.number().int())) })
const validationsSchema = z.object({
  records: z.array(recordSchema),
  /** The steps whose policies were kept, best first. */
  best: z.array(z.number()),
  stopped: z.string().nullable(),
})
type Validations = z.infer<typeof validationsSchema>

export const rlOnRay: Stage<'rl'> = {
  async run(input, host) {
    refuseOnRay(input)
    const { task, train } = readData(await host.open(input.data))
    const policy = await openPolicy(input.policy, host)
    const held = validationPrompts(train, input.settings)
    const folder = jobFolder(host)
    mkdirSync(folder, { recursive: true })
    const served = input.rewardModel ? undefined : await serveLabeler(input, { task, folder }, host)
    try {
      const work = await workOf(input, { policy, held, rows: train.slice(held.length) }, host)
      const telling = input.rewardModel ? host : warningOfFloor(host, input)
      const result = await computeOnRay({ ...work, failed: served?.failed }, telling)
      return writeResult(result, input, { policy, held, served }, host)
    } finally {
      served?.close()
    }
  },
}

function refuseOnRay({ engine, settings, watch }: StageInput<'rl'>): void {
  const fault = algorithmFault(engine, settings.algorithm) ?? watchFault(engine, watch, settings.probe)
  if (fault !== undefined) throw new InvalidInput(`rl: ${fault}`)
}

interface Prompts {
  policy: PolicyOnRay
  /** Those of the validation. */
  held: readonly Row[]
  /** Those of the training. */
  rows: readonly Row[]
}

async function workOf(input: StageInput<'rl'>, prompts: Prompts, host: StageHost): Promise<WorkOnRay> {
  const { settings, limits, seed } = input
  const { policy, held, rows } = prompts
  const perStep = settings.batchSize / settings.groupSize
  const groups = Math.min(perStep, rows.length)
  refuseUnevenBatch('rl', groups * settings.groupSize, input.engine!.ray)
  const asked = (row: Row) => ({ prompt: promptIds(policy, row), context: row.context })
  return {
    ...{ stage: 'rl', engine: input.engine!.ray, seed, settings, model: modelOf(policy) },
    more: {
      steps: settings.steps,
      rows: groups * settings.groupSize,
      ...lengthOf(limits),
      ...(input.rewardModel ? { rewardModel: await rewardModelOf(input, policy, host) } : { floor: LOWEST_SCORE }),
    },
    rows: {
      'prompts.jsonl': rows.map(asked),
      'held.jsonl': held.map(asked),
      'batches.jsonl': batchesOf(rows.length, settings.steps, { batchSize: perStep, seed, stage: 'rl' }),
    },
    named: progressNamed(FIGURES),
  }
}

async function rewardModelOf({ policy: { uri }, rewardModel }: StageInput<'rl'>, policy: PolicyOnRay, host: StageHost) {
  const folders = await policyFolders(rewardModel!, host.open)
  refuseOtherVocabulary(
    'rl',
    { name: `the policy ${uri}`, vocabulary: policy.tokenizer.vocabulary() },
    { name: `the reward model ${rewardModel!.uri}`, vocabulary: modelVocabulary(folders.folder) },
    'give a reward model that was trained from a model of the same tokenizer, or leave it out: ' +
      'a labeler then scores the texts',
  )
  const [shifted] = readRewardShift(await host.open(rewardModel!))([0])
  return { ...folders, shift: -shifted! }
}

interface Trained {
  policy: PolicyOnRay
  held: readonly Row[]
  served: ServedLabeler | undefined
}

function writeResult(result: string, input: StageInput<'rl'>, { policy, held, served }: Trained, host: StageHost) {
  const { batchSize } = input.settings
  const history = readHistory(result, FIGURES, ({ length }) => length! * batchSize)
  const file = readFileSync(join(result, 'validations.json'), 'utf8')
  const validations = validationsSchema.parse(JSON.parse(file))
  const from = { artifact: input.policy, policy }
  takeTrained(join(result, 'policy'), host.output, from)
  writeJsonl(join(host.output, LOG_FILE), history)
  const trusted = validations.best.map((step) => validations.records.find((record) => record.step === step)!)
  if (held.length > 0) {
    for (const { step } of trusted)
      takeTrained(join(jobFolder(host), 'candidates', `step-${step}`), join(host.output, candidateFolder(step)), from)
    writeChoices(host.output, { held, trusted, policy }, validations)
  }
  return rlFigures(input, history, {
    labeler: served?.labeler.name,
    ...(held.length > 0 && { validation: { initial: validations.records[0]!.reward, trusted } }),
    stopped: validations.stopped ?? undefined,
    spent: served?.spent() ?? {},
  })
}

/** What stage `choose` and the report read. */
function writeChoices(
  output: string,
  { held, trusted, policy }: Pick<Trained, 'held' | 'policy'> & { trusted: Validations['records'] },
  { records }: Validations,
): void {
  const text = (record: Validations['records'][number]) => inText(record, policy.tokenizer)
  writeCandidates(output, {
    rows: held.map(({ id, context }) => ({ id, context })),
    initial: text(records[0]!),
    candidates: trusted.map(text),
  })
  writeValidations(output, records.map(text))
}
