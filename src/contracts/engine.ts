// What trains and samples: TensorFlow.js on one device of the worker, or PyTorch on Ray.
import { z } from 'zod'
import { count, environmentName, LONGEST_PATH, refuseAddress } from './fields'

/** The address of a worker's own machine. */
export const LOCAL = 'local'

const raySchema = z
  .strictObject({
    address: z
      .string()
      .min(1)
      .max(LONGEST_PATH)
      .superRefine((address, context) => (address === LOCAL ? undefined : refuseAddress(address, context)))
      .describe(
        'Address of the cluster\'s dashboard, where its Jobs API is, e.g. http://head:8265; or "local": the same program ' +
          "on the GPU worker's own machine, with all its devices.",
      ),
    workers: count.max(4096).default(1).describe('Number of Ray workers, one process each, that train or sample.'),
    gpusPerWorker: z
      .number()
      .int()
      .min(0)
      .max(16)
      .default(1)
      .describe('GPUs of each worker; 0 computes on CPUs. More than one serve sampling with `vllm`.'),
    precision: z
      .enum(['float32', 'bfloat16'])
      .default('bfloat16')
      .describe('Arithmetic of the passes; trained weights and the optimizer stay in float32.'),
    sharding: z
      .enum(['ddp', 'fsdp'])
      .default('ddp')
      .describe('"ddp": every worker holds the whole model; "fsdp": weights, gradients and optimizer are spread.'),
    vllm: z.boolean().default(false).describe('Sample with vLLM; requires CUDA and vLLM in the cluster.'),
    tokenEnv: environmentName
      .optional()
      .describe(
        "Name of the worker's environment variable that holds the cluster's token (RAY_AUTH_MODE=token). Default: no token.",
      ),
  })
  .refine(({ address, tokenEnv }) => address !== LOCAL || tokenEnv === undefined, {
    path: ['tokenEnv'],
    message: 'has no meaning for "local"; remove it',
  })
  .describe('PyTorch with TRL on Ray.')
export type RaySettings = z.infer<typeof raySchema>

const onRay = z.strictObject({ ray: raySchema })
/** The engine in a stage's input; absent for TensorFlow.js, so that such work is the same as before there were others. */
export const stageEngine = onRay.optional().describe('What computes the stage. Default: TensorFlow.js.')

export const engineSchema = z
  .union([z.literal('tfjs'), onRay])
  .optional()
  .describe(
    'What trains and samples. "tfjs" (default): TensorFlow.js on the worker\'s device; {"ray": {"address": …}}: PyTorch ' +
      'with TRL on a Ray cluster, for policies that outgrow one device.',
  )
export type Engine = z.infer<typeof engineSchema>

/** The fields of a stage's input for an engine: none for TensorFlow.js. */
export const onEngine = (engine: Engine): { engine?: { ray: RaySettings } } =>
  engine === undefined || engine === 'tfjs' ? {} : { engine }

/** What the result depends on: not where the cluster is and how it is entered. */
export function withoutPlace(input: object): object {
  const { engine, ...rest } = input as { engine?: { ray: RaySettings } }
  if (!engine) return input
  const { address: _, tokenEnv: __, ...ray } = engine.ray
  return { ...rest, engine: { ray } }
}

/** Why an engine cannot train by DPO, on given labels or online, or undefined. */
export const dpoFault = (engine: Engine, method: string): string | undefined =>
  onEngine(engine).engine
    ? `field "method" is "${method}", which has no trainer on Ray: that of TRL takes no soft labels. Choose another ` +
      'method, or leave out "engine"'
    : undefined

/** Why an engine cannot train with an algorithm of RL, or undefined. */
export function algorithmFault(engine: Engine, algorithm: string): string | undefined {
  if (!onEngine(engine).engine || algorithm === 'rloo') return undefined
  const why =
    algorithm === 'grpo'
      ? 'which only the embedded engine computes, with the KL penalty in the reward'
      : 'which needs a value model; TRL, which trains on Ray, has no such trainer any more'
  return `field "rl.algorithm" is "${algorithm}", ${why}. Set rl.algorithm to "rloo", or leave out "engine"`
}

/** Why an engine cannot have RL watched, or its reward probed, or undefined. */
export function watchFault(engine: Engine, watch: object | undefined, probe: object | undefined): string | undefined {
  if (!onEngine(engine).engine || !(watch ?? probe)) return undefined
  return watch
    ? 'field "rl.watch" has no meaning with "engine" on Ray, where the responses of a validation are known only when ' +
        'training is over. Remove it, or leave out "engine"'
    : 'field "rl.probe" has no meaning with "engine" on Ray, where the reward is computed. Remove it, or leave out ' +
        '"engine"'
}
