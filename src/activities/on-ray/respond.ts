// Stage `respond` on Ray.
import { asResponses, responseFigures, writeResponses } from '../responses'
import { promptIds, readShardRows } from '../rows'
import type { Stage } from '../stage'
import { answersOnRay } from './answers'
import { openPolicy } from './policy'

export const respondOnRay: Stage<'respond'> = {
  async run({ data, policy: artifact, engine, limits, seed, temperature, precision }, host) {
    const { rows } = readShardRows(await host.open(data), 'evaluation')
    const policy = await openPolicy(artifact, host)
    const prompts = rows.map((row) => promptIds(policy, row))
    const sampling = { engine: engine!.ray, limits, seed, settings: { temperature, ...(precision && { precision }) } }
    const answers = await answersOnRay(policy, prompts, { stage: 'respond', ...sampling }, host)
    const responses = asResponses(rows, answers, policy.tokenizer)
    writeResponses(host.output, responses)
    return responseFigures(responses)
  },
}
