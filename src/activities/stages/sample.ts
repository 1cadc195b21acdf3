// Stage `sample`: two or more responses to each training prompt from the policy, or the pairs of the data.
import { join } from 'node:path'
import { InvalidInput } from '../../contracts/parse'
import type { StageInput } from '../../contracts/stages'
import { writeJsonl } from '../../json-lines'
import type { Summary } from '../../contracts/artifact'
import { BLOCK_ROWS } from '../../contracts/shard'
import type { Row } from '../../data/row'
import { pairCount } from '../../feedback/pairing'
import { generate, type Continuation } from '../../model/generate'
import { stopIds, type LoadedModel } from '../../model/loaded'
import { loadPolicy } from '../../model/policy'
import { labelledByPeople } from '../human-pairs'
import { promptIds, readShardRows, type RowRange, type SampledPair } from '../rows'
import { GROUPS_FILE, PAIRS_FILE, sampledGroups, type SampledGroup } from '../sampled-groups'
import { gatherFiles } from '../shards'
import { progressCounter, samplingNotes, type Stage, type StageHost } from '../stage'
import { copyVocabulary, writeVocabulary } from '../vocabulary'

export const sample: Stage<'sample'> = {
  async run(input, host) {
    if (input.shards) copyVocabulary(await gatherFiles(host, input.shards, [PAIRS_FILE, GROUPS_FILE]), host.output)
    else await writeSamples(input, host)
    return figuresOf(host.output, input)
  },
}

async function writeSamples(input: StageInput<'sample'>, host: StageHost): Promise<void> {
  const range = readShardRows(await host.open(input.data), 'train', input.shard)
  const loaded = await loadPolicy(input.policy, host.open)
  const { source, responses: perPrompt = 2 } = input.settings
  const groups = source === 'data' ? fromData(range.rows, loaded, input) : await fromPolicy(range, loaded, input, host)
  if (groups.length === 0) throw new InvalidInput('sample: the data has no training prompt to sample responses to')
  if (perPrompt === 2) writeJsonl(join(host.output, PAIRS_FILE), groups.map(asPair))
  else writeJsonl(join(host.output, GROUPS_FILE), groups)
  writeVocabulary(host.output, loaded.tokenizer)
}

/** The figures of what a folder holds, which may be more than memory. */
function figuresOf(folder: string, { settings }: StageInput<'sample'>): Summary {
  const { source, responses: perPrompt = 2, pairs: pairing = 'random' } = settings
  const count = { groups: 0, equal: 0, responses: 0, tokens: 0, ended: 0 }
  for (const { responses } of sampledGroups(folder)) {
    count.groups++
    count.equal += Number(responses[0]!.text === responses[1]!.text)
    count.responses += responses.length
    for (const { ids, stopped } of responses) {
      count.tokens += ids.length
      count.ended += Number(stopped)
    }
  }
  const cut = count.responses - count.ended
  return {
    pairs: count.groups * pairCount(pairing, perPrompt),
    ...(perPrompt > 2 ? { perPrompt, pairing } : { equalPairs: count.equal }),
    meanTokens: count.tokens / count.responses,
    endedShare: count.ended / count.responses,
    source: source ?? 'policy',
    ...(source === 'data' && { cutResponses: cut, cutShare: cut / count.responses }),
  }
}

const asPair = ({ responses: [first, second], ...prompt }: SampledGroup): SampledPair => ({
  ...prompt,
  first: first!,
  second: second!,
})

async function fromPolicy(
  { rows, first }: RowRange,
  loaded: LoadedModel,
  { limits, settings: { temperature, topK, topP, responses: perPrompt = 2 }, seed }: StageInput<'sample'>,
  host: StageHost,
): Promise<SampledGroup[]> {
  const prompts = rows.flatMap((row) => {
    const ids = promptIds(loaded, row)
    return Array.from({ length: perPrompt }, () => ids)
  })
  const responses = await generate(
    loaded.model,
    prompts,
    {
      ...{ maxTokens: limits.responseTokens, temperature, topK, topP, stopIds: stopIds(loaded) },
      ...{ blockSize: BLOCK_ROWS * perPrompt, firstRow: first * perPrompt },
      onToken: samplingNotes(host, limits.responseTokens),
    },
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
