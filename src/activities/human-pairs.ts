// The pairs that people decided, as labelled pairs in the tokens of a model: labels of stage `human-labels`, samples
// without their labels for `sample`, and what `reward-model` measures its accuracy on.
import type { Limits } from '../contracts/settings'
import { decidedPairs, type Row } from '../data/row'
import type { LabelledPair } from './rows'
import { encodeResponse, type Encoder } from './written-responses'

export function labelledByPeople(rows: readonly Row[], encoder: Encoder, limits: Limits): LabelledPair[] {
  const response = (text: string) => ({ text, ...encodeResponse(encoder, text, limits) })
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
