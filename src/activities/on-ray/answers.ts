// Responses of a policy that a job on Ray has sampled, one to each prompt.
import { join } from 'node:path'
import { z } from 'zod'
import type { RaySettings } from '../../contracts/engine'
import type { Precision } from '../../contracts/precision'
import type { Limits } from '../../contracts/settings'
import { readJsonl } from '../../json-lines'
import type { StageHost } from '../stage'
import { computeOnRay } from './compute'
import { lengthOf, modelOf, type PolicyOnRay } from './policy'

const answerSchema = z.object({ ids: z.array(z.number().int()), stopped: z.boolean() })
export type Answer = z.infer<typeof answerSchema>

interface Sampling {
  stage: 'sample' | 'respond'
  engine: RaySettings
  limits: Limits
  settings: { temperature: number; topK?: number; topP?: number; precision?: Precision | undefined }
  seed: number
}

/** @param prompts token ids */
export async function answersOnRay(
  policy: PolicyOnRay,
  prompts: readonly number[][],
  { stage, engine, limits, settings, seed }: Sampling,
  host: StageHost,
): Promise<Answer[]> {
  const rows = { 'prompts.jsonl': prompts.map((prompt) => ({ prompt })) }
  const result = await computeOnRay(
    { stage, engine, seed, settings, model: modelOf(policy), more: lengthOf(limits), rows },
    host,
  )
  return readJsonl(join(result, 'responses.jsonl'), answerSchema)
}
