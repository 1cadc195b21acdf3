// Stage `sample`: two or more responses to each training prompt from the policy, or the pairs of the data.
import { join } from 'node:path'
import { InvalidInput } from '../../contracts/parse'
import type { StageInput } from '../../contracts/stages'
import { writeJsonl } from '../../json-lines'
import type { Row } from '../../data/row'
import { pairCount } from '../../feedback/pairing'
import { mean } from '../../mean'
import { generate, type Continuation } from '../../model/generate'
import { loadModelAndTokenizer, stopIds, type LoadedModel } from '../../model/loaded'
import { labelledByPeople } from '../human-pairs'
import { promptIds, readData, type SampledPair } from '../rows'
import { GROUPS_FILE, PAIRS_FILE, type SampledGroup } from '../sampled-groups'
import { progressCounter, type Stage, type StageHost } from '../stage'
import { writeVocabulary } from '../vocabulary'
import { cutFigures } from '../written-responses'

export const sample: Stage<'sample'> = {
  async run(input, host) {
    const { train } = readData(await host.open(input.data))
    const loaded = loadModelAndTokenizer(await host.open(input.policy))
    const { source, responses: perPrompt = 2, pairs: pairing = 'random' } = input.settings
    const groups = source === 'data' ? fromData(train, loaded, input) : await fromPolicy(train, loaded, input, host)
    if (groups.length === 0) throw new InvalidInput('sample: the data has no training prompt to sample responses to')
    if (perPrompt === 2) writeJsonl(join(host.output, PAIRS_FILE), groups.map(asPair))
    else writeJsonl(join(host.output, GROUPS_FILE), groups)
    writeVocabulary(host.output, loaded.tokenizer)
    const responses = groups.flatMap((group) => group.responses)
    const { cut, cutShare } = cutFigures(responses)
    return {
      pairs: groups.length * pairCount(pairing, perPrompt),
      ...(perPrompt > 2 ? { perPrompt, pairing } : { equalPairs: groups.filter(isEqualPair).length }),
      meanTokens: mean(responses.map(({ ids }) => ids.length)),
      endedShare: mean(responses.map(({ stopped }) => Number(stopped))),
      source: source ?? 'policy',
      ...(source === 'data' && { cutResponses: cut, cutShare }),
    }
  },
}

const asPair = ({ responses: [first, second], ...prompt }: SampledGroup): SampledPair => ({
  ...prompt,
  first: first!,
  second: second!,
})
const isEqualPair = ({ responses: [first, second] }: SampledGroup) => first!.text === second!.text

async function fromPolicy(
  rows: readonly Row[],
  loaded: LoadedModel,
  { limits, settings: { temperature, topK, topP, responses: perPrompt = 2 }, seed }: StageInput<'sample'>,
  host: StageHost,
): Promise<SampledGroup[]> {
  const prompts = rows.flatMap((row) => {
    const ids = promptIds(loaded, row)
    return Array.from({ length: perPrompt }, () => ids)
  })
  const sampling = { maxTokens: limits.responseTokens, temperature, topK, topP, stopIds: stopIds(loaded) }
  const responses = await generate(
    loaded.model,
    prompts,
    sampling,
    [seed, 'sample'],
    progressCounter(host, 'sampling', prompts.length, 'responses'),
  )
  const response = ({ ids, stopped }: Continuation) => ({ text: loaded.tokenizer.decode(ids).trim(), ids, stopped })
  return rows.map(({ id, messages, context }, i) => ({
    id,
    messages,
    context,
    responses: responses.slice(perPrompt * i, perPrompt * (i + 1)).map(response),
  }))
}

/** The pairs that people decided, without their decision. */
function fromData(rows: readonly Row[], loaded: LoadedModel, { limits }: StageInput<'sample'>): SampledGroup[] {
  const pairs = labelledByPeople(rows, loaded, limits).map(({ id, messages, context, first, second }) => ({
    id,
    messages,
    context,
    responses: [first, second],
  }))
  if (pairs.length === 0)
    throw new InvalidInput(
      'sample: field "sample.source" is "data", but no row of the training data has two responses of which people ' +
        'preferred one; leave it out to sample from the policy',
    )
  return pairs
}
