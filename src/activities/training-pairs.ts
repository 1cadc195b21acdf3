// The labelled pairs that a reward model, or a policy by DPO, learns from: read, encoded, and split into training
// pairs and held-out ones.
import { join } from 'node:path'
import type { Artifact } from '../contracts/artifact'
import { InvalidInput } from '../contracts/parse'
import type { StageInput } from '../contracts/stages'
import { isUndecided } from '../feedback/preference-label'
import { readJsonlInParts } from '../json-lines'
import type { Tokenizer } from '../model/tokenizer'
import { permutation } from '../random'
import type { TrainingPair } from '../training/reward-model'
import { KeptSequence, openTokenStore } from '../training/token-store'
import { promptDigest } from './prompt-digest'
import { labelledPairSchema, promptIds, TOKENIZED_AT_ONCE, type LabelledPair } from './rows'
import type { StageHost } from './stage'
import { readVocabulary, refuseOtherVocabulary } from './vocabulary'
import { counted } from '../number-format'

/** Whose tokens the pairs are in. */
interface Policy {
  tokenizer: Tokenizer
  folder: string
}

/** The stage that learns from them, for its messages. The same pairs are held out in each. */
type Learning = 'reward-model' | 'dpo'

/** Pairs of all sources; from the second on, a seeded sample of the size of the first (paper, Appendix K). */
export async function trainingPairs(
  sources: readonly Artifact[],
  loaded: Policy,
  seed: number,
  host: StageHost,
  stage: Learning = 'reward-model',
): Promise<TrainingPair[]> {
  const all: TrainingPair[][] = []
  for (const source of sources) all.push(readPairs(source, await host.open(source), loaded, stage))
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
function readPairs({ uri }: Artifact, folder: string, loaded: Policy, stage: Learning): TrainingPair[] {
  const { tokenizer, folder: policy } = loaded
  const vocabulary = readVocabulary(folder)
  if (vocabulary)
    refuseOtherVocabulary(
      stage,
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

export function trainingPair(
  { first, second, preferFirst, ...row }: LabelledPair,
  loaded: Pick<Policy, 'tokenizer'>,
): TrainingPair {
  const prompt = promptIds(loaded, row)
  return {
    group: promptDigest(row),
    first: { prompt, response: first.ids },
    second: { prompt, response: second.ids },
    preferFirst,
  }
}

/** Held-out pairs and training pairs; all pairs of a prompt are on the same side. */
export function splitPairs(
  pairs: readonly TrainingPair[],
  { heldOutShare, trainShare }: Pick<StageInput<Learning>['settings'], 'heldOutShare' | 'trainShare'>,
  seed: number,
  stage: Learning = 'reward-model',
) {
  const prompts = [...new Set(pairs.map(({ group }) => group))]
  const order = permutation(prompts.length, [seed, 'reward-model-split']).map((i) => prompts[i]!)
  const heldPrompts = Math.floor(prompts.length * heldOutShare)
  const used = heldPrompts + Math.ceil((prompts.length - heldPrompts) * trainShare)
  const rank = new Map(order.map((prompt, i) => [prompt, i]))
  const sorted = [...pairs].sort((a, b) => rank.get(a.group)! - rank.get(b.group)!)
  const training = sorted.filter(({ group }) => rank.get(group)! >= heldPrompts && rank.get(group)! < used)
  if (training.length === 0) throw new InvalidInput(`${stage}: no labelled pair to train on; label more prompts`)
  if (training.every(({ preferFirst }) => isUndecided(preferFirst)))
    throw new InvalidInput(
      `${stage}: none of the ${counted(training.length, 'training label')} prefers a response, ` +
        'each is 0.5: there is nothing to learn. Raise sample.temperature if the pairs are equal texts, ' +
        'or ask a labeler that tells them apart',
    )
  return { training, held: sorted.filter(({ group }) => rank.get(group)! < heldPrompts) }
}
