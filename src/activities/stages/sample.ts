// Stage `sample`: two responses to each training prompt, from the policy or from the data.
import { join } from 'node:path'
import { InvalidInput } from '../../contracts/parse'
import type { StageInput } from '../../contracts/stages'
import { writeJsonl } from '../../json-lines'
import type { Row } from '../../data/row'
import { mean } from '../../mean'
import { generate, type Continuation } from '../../model/generate'
import { loadModelAndTokenizer, stopIds, type LoadedModel } from '../../model/loaded'
import { labelledByPeople } from '../human-pairs'
import { promptIds, readData, type SampledPair } from '../rows'
import { progressCounter, type Stage, type StageHost } from '../stage'
import { writeVocabulary } from '../vocabulary'
import { cutFigures } from '../written-responses'

export const sample: Stage<'sample'> = {
  async run(input, host) {
    const { train } = readData(await host.open(input.data))
    const loaded = loadModelAndTokenizer(await host.open(input.policy))
    const samples =
      input.settings.source === 'data' ? fromData(train, loaded, input) : await fromPolicy(train, loaded, input, host)
    if (samples.length === 0) throw new InvalidInput('sample: the data has no training prompt to sample responses to')
    writeJsonl(join(host.output, 'samples.jsonl'), samples)
    writeVocabulary(host.output, loaded.tokenizer)
    const responses = samples.flatMap(({ first, second }) => [first, second])
    const { cut, cutShare } = cutFigures(responses)
    return {
      pairs: samples.length,
      equalPairs: samples.filter(({ first, second }) => first.text === second.text).length,
      meanTokens: mean(responses.map(({ ids }) => ids.length)),
      endedShare: mean(responses.map(({ stopped }) => Number(stopped))),
      source: input.settings.source ?? 'policy',
      ...(input.settings.source === 'data' && { cutResponses: cut, cutShare }),
    }
  },
}

async function fromPolicy(
  rows: readonly Row[],
  loaded: LoadedModel,
  { limits, settings: { temperature, topK, topP }, seed }: StageInput<'sample'>,
  host: StageHost,
): Promise<SampledPair[]> {
  const prompts = rows.flatMap((row) => [promptIds(loaded, row), promptIds(loaded, row)])
  const sampling = { maxTokens: limits.responseTokens, temperature, topK, topP, stopIds: stopIds(loaded) }
  const responses = await generate(
    loaded.model,
    prompts,
    sampling,
    [seed, 'sample'],
    progressCounter(host, 'sampling', prompts.length, 'responses'),
  )
  const response = ({ ids, stopped }: Continuation) => ({ text: loaded.tokenizer.decode(ids).trim(), ids, stopped })
  return rows.map(({ id, messages, context }, i): SampledPair => ({
    id,
    messages,
    context,
    first: response(responses[2 * i]!),
    second: response(responses[2 * i + 1]!),
  }))
}

/** The pairs that people decided, without their decision. */
function fromData(rows: readonly Row[], loaded: LoadedModel, { limits }: StageInput<'sample'>): SampledPair[] {
  const pairs = labelledByPeople(rows, loaded, limits).map(({ id, messages, context, first, second }): SampledPair => ({
    id,
    messages,
    context,
    first,
    second,
  }))
  if (pairs.length === 0)
    throw new InvalidInput(
      'sample: field "sample.source" is "data", but no row of the training data has two responses of which people ' +
        'preferred one; leave it out to sample from the policy',
    )
  return pairs
}
