// Stage `sample` on Ray; the pairs of the data need no engine.
import type { StageInput } from '../../contracts/stages'
import type { Row } from '../../data/row'
import { promptIds, readShardRows } from '../rows'
import { asGroups, pairsOfData, promptsPerResponse, sampleFigures, writeGroups } from '../sample-files'
import type { SampledGroup } from '../sampled-groups'
import type { Stage, StageHost } from '../stage'
import { answersOnRay } from './answers'
import { openPolicy, type PolicyOnRay } from './policy'

export const sampleOnRay: Stage<'sample'> = {
  async run(input, host) {
    const { rows } = readShardRows(await host.open(input.data), 'train')
    const policy = await openPolicy(input.policy, host)
    const groups =
      input.settings.source === 'data'
        ? pairsOfData(rows, policy, input.limits)
        : await fromPolicy(rows, policy, input, host)
    writeGroups(host.output, groups, policy.tokenizer)
    return sampleFigures(host.output, input)
  },
}

async function fromPolicy(
  rows: readonly Row[],
  policy: PolicyOnRay,
  { engine, limits, settings, seed }: StageInput<'sample'>,
  host: StageHost,
): Promise<SampledGroup[]> {
  const prompts = promptsPerResponse(
    rows.map((row) => promptIds(policy, row)),
    settings.responses ?? 2,
  )
  const sampling = { engine: engine!.ray, limits, settings, seed }
  const answers = await answersOnRay(policy, prompts, { stage: 'sample', ...sampling }, host)
  return asGroups(rows, answers, policy.tokenizer)
}
