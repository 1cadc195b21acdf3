// Stage `reward-model`: a score head on the SFT model, trained on labels of people, of a labeler, or of both.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { LOG_FILE } from '../../artifacts/store'
import type { Artifact } from '../../contracts/artifact'
import { InvalidInput } from '../../contracts/parse'
import type { StageInput } from '../../contracts/stages'
import type { Row } from '../../data/row'
import { readJsonlInParts, writeJsonl } from '../../json-lines'
import { calibration } from '../../evaluation/calibration'
import { wilson } from '../../evaluation/statistics'
import type { LoadedModel } from '../../model/loaded'
import type { Model } from '../../model/model'
import { loadPolicy } from '../../model/policy'
import { permutation } from '../../random'
import { addScoreHead, paddingGap, rewards, trainRewardModel, type TrainingPair } from '../../training/reward-model'
import { shareFigures } from '../figures'
import { labelledByPeople } from '../human-pairs'
import { CALIBRATION_FILE } from '../result-files'
import { computeRewardShift, MAX_RESPONSES, writeRewardShift } from '../reward-shift'
import {
  isUndecided,
  labelledPairSchema,
  promptIds,
  readShardRows,
  TOKENIZED_AT_ONCE,
  trainRowsInParts,
  type LabelledPair,
} from '../rows'
import { promptDigest } from '../responses'
import { lastMean, trainingHost, type Stage, type StageHost } from '../stage'
import { KeptSequence, openTokenStore } from '../../training/token-store'
import { saveTrained, trainable } from '../trainable'
import { readVocabulary, refuseOtherVocabulary } from '../vocabulary'
import { cutFigures, referenceSequences } from '../written-responses'

/**
 * Pairs that people decided on the prompts held out for the evaluation: the paper measures every reward model by these
 * (Table 5).
 */
const MAX_HUMAN_PAIRS = 2000
/** Sequences of the padding check. */
const CHECKED_ROWS = 8
/** Scores must not depend on padding; what remains is rounding. */
const ALLOWED_GAP = 1e-2

export const rewardModel: Stage<'reward-model'> = {
  async run(input, host) {
    const { settings, seed } = input
    const loaded = await loadPolicy(input.policy, host.open)
    const { training, held } = split(await trainingPairs(input.labels, loaded, seed, host), settings, seed)

    const model = trainable(loaded.model, settings, seed)
    addScoreHead(model, seed)
    const { history } = await trainRewardModel(
      model,
      training,
      { ...settings, seed },
      trainingHost(host, 'training', settings.checkpointEvery),
    )

    const sequences = [...held, ...training].flatMap(({ first, second }) => [first, second])
    const gap = paddingGap(model, sequences.slice(0, CHECKED_ROWS))
    if (!(gap <= ALLOWED_GAP))
      throw new Error(
        `reward-model: scores differ by ${gap.toExponential(1)} between left and right padding; ` +
          'lower the learning rate if the loss rose: scores may be so large that rounding shows. ' +
          'Else this is a defect of rlaif, please report it',
      )
    const data = input.references && {
      folder: await host.open(input.references.data),
      limits: input.references.limits,
    }
    const references = data ? referenceSequences(rowsWithReference(data.folder), loaded, data.limits) : []
    const onScored = (done: number) => host.note(`scoring responses, ${done}`)
    const shift = await computeRewardShift(model, references, sequences, settings.microBatchSize, onScored)
    const quality = await heldOutQuality(model, held, settings.microBatchSize, onScored)
    const people = data
      ? labelledByPeople(readShardRows(data.folder, 'evaluation').rows, loaded, data.limits).slice(0, MAX_HUMAN_PAIRS)
      : []
    const byPeople = people.map((label) => trainingPair(label, loaded))
    const human = await heldOutQuality(model, byPeople, settings.microBatchSize, onScored)

    const { cut, cutShare } = cutFigures(references)
    saveTrained(asSequenceClassifier(model), host.output, { policy: input.policy, folder: loaded.folder })
    writeRewardShift(host.output, shift)
    writeJsonl(join(host.output, LOG_FILE), history)
    writeFileSync(join(host.output, CALIBRATION_FILE), JSON.stringify(quality.calibration, null, 2))
    return {
      pairs: training.length,
      heldOut: held.length,
      steps: history.length,
      epochs: (history.length * settings.batchSize) / training.length,
      loss: lastMean(history, 'loss'),
      undecided: quality.undecided,
      ...shareFigures('accuracy', quality.accuracy),
      ...(byPeople.length > 0 && {
        humanPairs: byPeople.length,
        ...shareFigures('humanAccuracy', human.accuracy),
        humanCutShare: cutFigures(people.flatMap(({ first, second }) => [first, second])).cutShare,
      }),
      calibrationError: held.length > 0 ? quality.calibration.error : null,
      ...shift,
      ...(references.length > 0 && { cutReferences: cut, cutShare }),
      paddingGap: gap,
    }
  },
}

/** The rows whose references the shift averages. */
function rowsWithReference(folder: string): Row[] {
  const found: Row[] = []
  for (const rows of trainRowsInParts(folder)) {
    for (const row of rows) if (row.reference !== undefined) found.push(row)
    if (found.length >= MAX_RESPONSES) break
  }
  return found.slice(0, MAX_RESPONSES)
}

/** Pairs of all sources; from the second on, a seeded sample of the size of the first (paper, Appendix K). */
async function trainingPairs(
  sources: readonly Artifact[],
  loaded: LoadedModel,
  seed: number,
  host: StageHost,
): Promise<TrainingPair[]> {
  const all: TrainingPair[][] = []
  for (const source of sources) all.push(readPairs(source, await host.open(source), loaded))
  const most = all.length > 1 ? all[0]!.length : Infinity
  return all.flatMap((pairs, source) =>
    permutation(pairs.length, [seed, 'reward-model-source', source])
      .slice(0, most)
      .map((i) => pairs[i]!),
  )
}

/**
 * The labelled pairs of a source, which may be many: only their tokens stay in memory.
 * @throws InvalidInput when the labelled responses are in the tokens of another model
 */
function readPairs({ uri }: Artifact, folder: string, loaded: LoadedModel): TrainingPair[] {
  const { tokenizer, folder: policy } = loaded
  const vocabulary = readVocabulary(folder)
  if (vocabulary)
    refuseOtherVocabulary(
      'reward-model',
      { name: `the policy in ${policy}`, vocabulary: tokenizer.vocabulary() },
      { name: `the labels ${uri}`, vocabulary },
      'label responses that this policy, or a model of the same tokenizer, sampled',
    )
  const { keep } = openTokenStore()
  const pairs: TrainingPair[] = []
  for (const labels of readJsonlInParts(join(folder, 'labels.jsonl'), labelledPairSchema, TOKENIZED_AT_ONCE))
    for (const label of labels) {
      const { first, second, ...pair } = trainingPair(label, loaded)
      const prompt = keep(first.prompt)
      pairs.push({
        ...pair,
        first: new KeptSequence(prompt, keep(first.response)),
        second: new KeptSequence(prompt, keep(second.response)),
      })
    }
  return pairs
}

function trainingPair({ first, second, preferFirst, ...row }: LabelledPair, loaded: LoadedModel): TrainingPair {
  const prompt = promptIds(loaded, row)
  return {
    group: promptDigest(row),
    first: { prompt, response: first.ids },
    second: { prompt, response: second.ids },
    preferFirst,
  }
}

/** Held-out pairs and training pairs; all pairs of a prompt are on the same side. */
function split(
  pairs: readonly TrainingPair[],
  { heldOutShare, trainShare }: StageInput<'reward-model'>['settings'],
  seed: number,
) {
  const prompts = [...new Set(pairs.map(({ group }) => group))]
  const order = permutation(prompts.length, [seed, 'reward-model-split']).map((i) => prompts[i]!)
  const heldPrompts = Math.floor(prompts.length * heldOutShare)
  const used = heldPrompts + Math.ceil((prompts.length - heldPrompts) * trainShare)
  const rank = new Map(order.map((prompt, i) => [prompt, i]))
  const sorted = [...pairs].sort((a, b) => rank.get(a.group)! - rank.get(b.group)!)
  const training = sorted.filter(({ group }) => rank.get(group)! >= heldPrompts && rank.get(group)! < used)
  if (training.length === 0) throw new InvalidInput('reward-model: no labelled pair to train on; label more prompts')
  if (training.every(({ preferFirst }) => isUndecided(preferFirst)))
    throw new InvalidInput(
      `reward-model: none of the ${training.length} training labels prefers a response, each is 0.5: there is nothing ` +
        'to learn. Raise sample.temperature if the pairs are equal texts, or ask a labeler that tells them apart',
    )
  return { training, held: sorted.filter(({ group }) => rank.get(group)! < heldPrompts) }
}

/**
 * How often the model orders a held-out pair as its label does, and whether its probabilities mean what they say. A label
 * of 0.5 has no order to agree with: such a pair is left out of the accuracy. Equal scores count as one half.
 */
async function heldOutQuality(
  model: Model,
  pairs: readonly TrainingPair[],
  batchSize: number,
  onScored: (done: number) => void,
) {
  const scores = await rewards(
    model,
    pairs.flatMap(({ first, second }) => [first, second]),
    batchSize,
    onScored,
  )
  const predicted = pairs.map((_, i) => 1 / (1 + Math.exp(scores[2 * i + 1]! - scores[2 * i]!)))
  const labels = pairs.map(({ preferFirst }) => preferFirst)
  const decided = predicted.flatMap((p, i) => (isUndecided(labels[i]!) ? [] : [{ p, label: labels[i]! }]))
  const right = decided.map(({ p, label }) => (p === 0.5 ? 0.5 : Number(p > 0.5 === label > 0.5)))
  return {
    accuracy: wilson(
      right.reduce((a, b) => a + b, 0),
      decided.length,
    ),
    undecided: pairs.length - decided.length,
    calibration: calibration(predicted, labels),
  }
}

/** The name that transformers gives the model family's classifier, derived from that of its language model. */
const classifierOf = ({ architectures }: Record<string, unknown>) =>
  String((architectures as string[] | undefined)?.[0] ?? 'LlamaForCausalLM').replace(
    /(ForCausalLM|LMHeadModel)$/,
    'ForSequenceClassification',
  )

/** A configuration with which transformers loads the folder with its score head. */
function asSequenceClassifier(model: Model): Model {
  return {
    ...model,
    config: {
      ...model.config,
      raw: { ...model.config.raw, architectures: [classifierOf(model.config.raw)], num_labels: 1 },
    },
  }
}
