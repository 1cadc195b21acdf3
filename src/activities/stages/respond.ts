// Stage `respond`: a policy's responses to the held-out prompts.
import { generateResponses } from '../generated-responses'
import { readResponses, responseFigures, RESPONSES_FILE, writeResponses } from '../responses'
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
    return responseFigures(readResponses(host.output))
  },
}
