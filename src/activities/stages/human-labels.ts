// Stage `human-labels`: what people preferred, in the form of labels, so that a reward model learns from it as from a labeler's.
import { join } from 'node:path'
import { InvalidInput } from '../../contracts/parse'
import { writeJsonl } from '../../json-lines'
import type { Limits } from '../../contracts/settings'
import { decidedPairs, type Row } from '../../data/row'
import { readModelConfig } from '../../model/folder'
import { stopIds } from '../../model/loaded'
import type { Model } from '../../model/model'
import { loadTokenizer, type Tokenizer } from '../../model/tokenizer'
import { readData, type LabelledPair } from '../rows'
import type { Stage } from '../stage'

export const humanLabels: Stage<'human-labels'> = {
  async run({ data, model, limits }, host) {
    const { train } = readData(await host.open(data))
    const folder = await host.open(model)
    const labels = labelsOfPeople(
      train,
      { tokenizer: loadTokenizer(folder), model: { config: readModelConfig(folder) } },
      limits,
    )
    if (labels.length === 0)
      throw new InvalidInput(
        'human-labels: no row of the training data has two responses of which people preferred one; give HH-RLHF, OpenAI\'s comparisons, or rows with "responses" and "preferred", or choose method "rlaif"',
      )
    writeJsonl(join(host.output, 'labels.jsonl'), labels)
    const cut = labels.flatMap(({ first, second }) => [first, second]).filter(({ stopped }) => !stopped).length
    return {
      labeler: 'people',
      labels: labels.length,
      ties: train.reduce((sum, { pairs = [] }) => sum + pairs.length, 0) - labels.length,
      cutShare: cut / (2 * labels.length),
    }
  },
}

/** The decided pairs of the rows as labels, in the tokens of a model. */
export function labelsOfPeople(
  rows: readonly Row[],
  { tokenizer, model }: { tokenizer: Tokenizer; model: Pick<Model, 'config'> },
  limits: Limits,
): LabelledPair[] {
  const [end] = stopIds({ model })
  const response = (text: string) => {
    const ids = [...tokenizer.encode(text), end!]
    return { text, ids: ids.slice(0, limits.responseTokens), stopped: ids.length <= limits.responseTokens }
  }
  return decidedPairs(rows).map(({ id, messages, context, responses: [first, second], preferred }): LabelledPair => ({
    id,
    messages,
    context,
    first: response(first),
    second: response(second),
    preferFirst: preferred === 1 ? 1 : 0,
    slotOne: [],
    labeler: 'people',
  }))
}
