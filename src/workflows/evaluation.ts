// The evaluation of a policy. Responses to very many prompts are sampled before it, in shards on all workers; so are
// those of a policy on Ray.
import { onEngine, type Engine } from '../contracts/engine'
import type { Shards } from '../contracts/run-settings'
import type { StageInput } from '../contracts/stages'
import { splitOf } from './shards'
import type { StageRunner } from './stage-runner'

/** The input of stage `evaluate`, with the responses of both sides where one worker should not sample them all. */
export async function withResponses(
  stages: StageRunner,
  input: StageInput<'evaluate'>,
  { shards, engine }: { shards?: Shards; engine?: Engine },
): Promise<StageInput<'evaluate'>> {
  const { data, limits, seed, cache, settings } = input
  const onRay = onEngine(engine)
  const respond = (side: 'policy' | 'baseline'): StageInput<'respond'> => ({
    policy: input[side],
    data,
    limits,
    temperature: settings.temperature,
    ...(settings.precision && { precision: settings.precision }),
    seed,
    cache,
    ...onRay,
  })
  if (!onRay.engine && !splitOf('respond', respond('policy'), shards)) return input
  const policy = await stages.run('respond', respond('policy'), 'responses of the policy')
  const baseline = await stages.run('respond', respond('baseline'), 'responses of the baseline')
  return { ...input, responses: { policy, baseline } }
}
