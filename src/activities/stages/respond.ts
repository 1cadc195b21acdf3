// Stage `respond`: a policy's responses to the held-out prompts.
import { generateResponses, writeResponses, type Response } from '../responses'
import { readData } from '../rows'
import type { Stage } from '../stage'

export const respond: Stage<'respond'> = {
  async run(input, host) {
    const { evaluation } = readData(await host.open(input.data))
    const responses = await generateResponses(evaluation, input.policy, input, { host, phase: 'responses' })
    writeResponses(host.output, responses)
    const mean = (figure: (response: Response) => number) =>
      responses.reduce((sum, response) => sum + figure(response), 0) / responses.length
    return {
      responses: responses.length,
      meanTokens: mean(({ tokens }) => tokens),
      endedShare: mean(({ ended }) => Number(ended)),
    }
  },
}
