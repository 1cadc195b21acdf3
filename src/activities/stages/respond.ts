// Stage `respond`: what a policy answers to the held-out prompts.
import { join } from 'node:path'
import { z } from 'zod'
import type { Artifact } from '../../contracts/artifact'
import type { StageInput } from '../../contracts/stages'
import { readJsonl, writeJsonl } from '../../json-lines'
import type { Row } from '../../data/row'
import { generate } from '../../model/generate'
import { loadModelAndTokenizer, stopIds } from '../../model/loaded'
import { disposeModel } from '../../model/model'
import { promptIds, readData } from '../rows'
import { counted, type Stage, type StageHost } from '../stage'

const responseSchema = z.object({ id: z.string(), text: z.string(), tokens: z.number().int(), ended: z.boolean() })
export type Response = z.infer<typeof responseSchema>
const FILE = 'responses.jsonl'

export const readResponses = (folder: string): Response[] => readJsonl(join(folder, FILE), responseSchema)

export const respond: Stage<'respond'> = {
  async run(input, host) {
    const { evaluation } = readData(await host.open(input.data))
    const responses = await responsesTo(evaluation, input.policy, input, 'responses', host)
    writeJsonl(join(host.output, FILE), responses)
    const mean = (figure: (response: Response) => number) =>
      responses.reduce((sum, response) => sum + figure(response), 0) / responses.length
    return {
      responses: responses.length,
      meanTokens: mean(({ tokens }) => tokens),
      endedShare: mean(({ ended }) => Number(ended)),
    }
  },
}

/** One response a row, in order. */
export async function responsesTo(
  rows: readonly Row[],
  policy: Artifact,
  { limits, temperature, seed }: Pick<StageInput<'respond'>, 'limits' | 'temperature' | 'seed'>,
  phase: string,
  host: StageHost,
): Promise<Response[]> {
  const loaded = loadModelAndTokenizer(await host.open(policy))
  const sampling = { maxTokens: limits.responseTokens, temperature, stopIds: stopIds(loaded) }
  const responses = await generate(
    loaded.model,
    rows.map((row) => promptIds(loaded, row)),
    sampling,
    [seed, 'evaluate'],
    counted(host, phase, rows.length, 'responses'),
  )
  disposeModel(loaded.model)
  return responses.map(({ ids, stopped }, i) => ({
    id: rows[i]!.id,
    text: loaded.tokenizer.decode(ids).trim(),
    tokens: ids.length,
    ended: stopped,
  }))
}
