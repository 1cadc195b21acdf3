// A policy's responses to held-out prompts, generated here: by stages `respond` and `evaluate`.
import type { Artifact } from '../contracts/artifact'
import type { Precision } from '../contracts/precision'
import type { Limits } from '../contracts/settings'
import { BLOCK_ROWS } from '../contracts/shard'
import { generate } from '../model/generate'
import { stopIds } from '../model/ending'
import { disposeModel } from '../model/model'
import { loadPolicy } from '../model/policy'
import { asResponses, type Response } from './responses'
import { promptIds, type RowRange } from './rows'
import { progressCounter, samplingNotes, type StageHost } from './stage'

interface Sampling {
  limits: Limits
  temperature: number
  seed: number
  precision?: Precision | undefined
}

/** One response per row, in order. */
export async function generateResponses(
  { rows, first }: RowRange,
  policy: Artifact,
  { limits, temperature, seed, precision }: Sampling,
  { host, phase }: { host: StageHost; phase: string },
): Promise<Response[]> {
  const loaded = await loadPolicy(policy, host.open, { precision })
  const responses = await generate(
    loaded.model,
    rows.map((row) => promptIds(loaded, row)),
    {
      ...{ maxTokens: limits.responseTokens, temperature, stopIds: stopIds(loaded) },
      ...{ blockSize: BLOCK_ROWS, firstRow: first },
      onToken: samplingNotes(host, limits.responseTokens),
    },
    [seed, 'evaluate'],
    progressCounter(host, phase, rows.length, 'responses'),
  )
  disposeModel(loaded.model)
  return asResponses(rows, responses, loaded.tokenizer)
}
