// Stage `sample`: two responses to each training prompt.
import { join } from 'node:path'
import { writeJsonl } from '../data/jsonl'
import { generate, type Continuation } from '../model/generate'
import { loadModelAndTokenizer, stopIds } from '../model/loaded'
import { promptIds, readData, type Sample } from './rows'
import { counted, type Stage } from './stage'

export const sample: Stage<'sample'> = {
  async run(input, host) {
    const { train } = readData(await host.open(input.data))
    const loaded = loadModelAndTokenizer(await host.open(input.policy))
    const prompts = train.flatMap((row) => [promptIds(loaded, row), promptIds(loaded, row)])
    const sampling = { maxTokens: input.limits.responseTokens, ...input.settings, stopIds: stopIds(loaded) }
    const responses = await generate(loaded.model, prompts, sampling, [input.seed, 'sample'], counted(host, 'sampling', prompts.length, 'responses'))
    const response = ({ ids, stopped }: Continuation) => ({ text: loaded.tokenizer.decode(ids).trim(), ids, stopped })
    const samples = train.map(({ id, messages, context }, i): Sample => ({ id, messages, context, first: response(responses[2 * i]!), second: response(responses[2 * i + 1]!) }))
    writeJsonl(join(host.output, 'samples.jsonl'), samples)
    return {
      pairs: samples.length,
      equalPairs: samples.filter(({ first, second }) => first.text === second.text).length,
      meanTokens: responses.reduce((sum, r) => sum + r.ids.length, 0) / responses.length,
      endedShare: responses.filter((r) => r.stopped).length / responses.length,
    }
  },
}
