// Stage `respond`: a policy's responses to the held-out prompts.
import { mean } from '../../mean'
import { generateResponses, writeResponses, type Response } from '../responses'
import { readData } from '../rows'
import type { Stage } from '../stage'

export const respond: Stage<'respond'> = {
  async run(input, host) {
    const { evaluation } = readData(await host.open(input.data))
    const responses = await generateResponses(evaluation, input.policy, input, { host, phase: 'responses' })
    writeResponses(host.output, responses)
    const meanOf = (figure: (response: Response) => number) =>
      responses.length === 0 ? null : mean(responses.map(figure))
    return {
      responses: responses.length,
      meanTokens: meanOf(({ tokens }) => tokens),
      endedShare: meanOf(({ ended }) => Number(ended)),
    }
  },
}
