// Stage `sample`: two or more responses to each training prompt from the policy, or the pairs of the data.
import type { StageInput } from '../../contracts/stages'
import { BLOCK_ROWS } from '../../contracts/shard'
import { generate } from '../../model/generate'
import { stopIds } from '../../model/ending'
import type { LoadedModel } from '../../model/loaded'
import { loadPolicy } from '../../model/policy'
import { promptIds, readShardRows, type RowRange } from '../rows'
import { asGroups, pairsOfData, promptsPerResponse, sampleFigures, writeGroups } from '../sample-files'
import { GROUPS_FILE, PAIRS_FILE, type SampledGroup } from '../sampled-groups'
import { gatherFiles } from '../shards'
import { progressCounter, samplingNotes, type Stage, type StageHost } from '../stage'
import { copyVocabulary } from '../vocabulary'

export const sample: Stage<'sample'> = {
  async run(input, host) {
    if (input.shards) copyVocabulary(await gatherFiles(host, input.shards, [PAIRS_FILE, GROUPS_FILE]), host.output)
    else await writeSamples(input, host)
    return sampleFigures(host.output, input)
  },
}

async function writeSamples(input: StageInput<'sample'>, host: StageHost): Promise<void> {
  const range = readShardRows(await host.open(input.data), 'train', input.shard)
  const { source, precision } = input.settings
  const loaded = await loadPolicy(input.policy, host.open, { precision })
  const groups =
    source === 'data' ? pairsOfData(range.rows, loaded, input.limits) : await fromPolicy(range, loaded, input, host)
  writeGroups(host.output, groups, loaded.tokenizer)
}

async function fromPolicy(
  { rows, first }: RowRange,
  loaded: LoadedModel,
  { limits, settings: { temperature, topK, topP, responses: perPrompt = 2 }, seed }: StageInput<'sample'>,
  host: StageHost,
): Promise<SampledGroup[]> {
  const prompts = promptsPerResponse(
    rows.map((row) => promptIds(loaded, row)),
    perPrompt,
  )
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
  return asGroups(rows, responses, loaded.tokenizer)
}
