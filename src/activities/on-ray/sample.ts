// Stage `sample` on Ray; the pairs of the data need no engine.
import { promptIds, readShardRows } from '../rows'
import { asGroups, promptsPerResponse, sampleFigures, writeGroups } from '../sample-files'
import type { Stage } from '../stage'
import { answersOnRay } from './answers'
import { openPolicy } from './policy'

export const sampleOnRay: Stage<'sample'> = {
  async run(input, host) {
    const { engine, limits, settings, seed } = input
    if (settings.source === 'data') return (await import('../stages/sample.js')).sample.run(input, host)
    const { rows } = readShardRows(await host.open(input.data), 'train')
    const policy = await openPolicy(input.policy, host)
    const prompts = promptsPerResponse(
      rows.map((row) => promptIds(policy, row)),
      settings.responses ?? 2,
    )
    const sampling = { engine: engine!.ray, limits, settings, seed }
    const answers = await answersOnRay(policy, prompts, { stage: 'sample', ...sampling }, host)
    writeGroups(host.output, asGroups(rows, answers, policy.tokenizer), policy.tokenizer)
    return sampleFigures(host.output, input)
  },
}
