// The pairs that people decided, as labelled pairs in the tokens of a model: labels of stage `human-labels`, samples
// without their labels for `sample`, and what `reward-model` measures its accuracy on.
import type { Limits } from '../contracts/settings'
import { decidedPairs, type Row } from '../data/row'
import { stopIds } from '../model/loaded'
import type { Model } from '../model/model'
import type { Tokenizer } from '../model/tokenizer'
import type { LabelledPair } from './rows'

export function labelledByPeople(
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
