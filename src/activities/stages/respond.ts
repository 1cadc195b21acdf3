// Stage `respond`: a policy's responses to the held-out prompts.
import { mean } from '../../mean'
import { generateResponses, readResponses, RESPONSES_FILE, writeResponses, type Response } from '../responses'
import { readShardRows } from '../rows'
import { gatherFiles } from '../shards'
import type { Stage } from '../stage'

export const respond: Stage<'respond'> = {
  async run(input, host) {
    if (input.shards) await gatherFiles(host, input.shards, [RESPONSES_FILE])
    else {
      const range = readShardRows(await host.open(input.data), 'evaluation', input.shard)
      writeResponses(host.output, await generateResponses(range, input.policy, input, { host, phase: 'responses' }))
    }
    const responses = readResponses(host.output)
    const meanOf = (figure: (response: Response) => number) =>
      responses.length === 0 ? null : mean(responses.map(figure))
    return {
      responses: responses.length,
      meanTokens: meanOf(({ tokens }) => tokens),
      endedShare: meanOf(({ ended }) => Number(ended)),
    }
  },
}
