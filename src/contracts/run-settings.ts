// Settings of a run as a whole: what it reuses from the store, what happens when a stage fails, whom it notifies.
import { z } from 'zod'
import { environmentName, LONGEST_PATH, refuseAddress } from './fields'

export const cacheSchema = z
  .enum(['use', 'refresh', 'off'])
  .default('use')
  .describe(
    'Use of finished stages with the same settings and inputs. "use" takes them from the store; ' +
      '"refresh" runs every stage again and stores it for later runs; "off" runs every stage for this run alone.',
  )
export type Cache = z.infer<typeof cacheSchema>

export const onFailureSchema = z
  .enum(['wait', 'fail'])
  .default('wait')
  .describe(
    'What happens when a stage has failed permanently: "wait" parks the run until a person sends `resolveFailure`; ' +
      '"fail" fails the run, as schedules need it.',
  )
export type OnFailure = z.infer<typeof onFailureSchema>

export const shardsSchema = z
  .strictObject({
    rows: z
      .number()
      .int()
      .min(1)
      .max(1_000_000)
      .optional()
      .describe(
        'Rows of a shard, rounded up to whole batches. Default: 256, and 1024 where an endpoint labels; more where a ' +
          'stage would otherwise have more than 128 shards.',
      ),
    labelWorkers: z
      .number()
      .int()
      .min(1)
      .max(64)
      .optional()
      .describe(
        'Number of workers that share the labelling by an endpoint, each with up to `labeler.concurrency` requests ' +
          'in flight. Default: 1. A local labeler is shared by all workers of its queue.',
      ),
  })
  .optional()
  .describe(
    'How the stages that fall apart into rows, `sample`, `respond` and `label`, are shared by workers: in shards, each ' +
      'an activity of its own. Results do not depend on it.',
  )
export type Shards = z.infer<typeof shardsSchema>

/** Where messages go. Addresses with a secret in them, and the key of the signature, only by the name of a variable. */
export const notifySchema = z
  .strictObject({
    url: z
      .url({ protocol: /^https?$/ })
      .max(LONGEST_PATH)
      .superRefine(refuseAddress)
      .optional()
      .describe('URL to post to, if it is not a secret and has no query.'),
    urlEnv: environmentName
      .optional()
      .describe(
        "Name of the worker's environment variable that holds the URL, e.g. of a Slack webhook: " +
          'RLAIF_NOTIFY_… or …_WEBHOOK_URL.',
      ),
    secretEnv: environmentName
      .optional()
      .describe(
        "Name of the worker's environment variable that holds the key of the signature in the header " +
          'X-Rlaif-Signature: RLAIF_NOTIFY_…. Default: messages are not signed.',
      ),
  })
  .refine(({ url, urlEnv }) => (url === undefined) !== (urlEnv === undefined), {
    path: ['url'],
    message: 'must have either "url" or "urlEnv"',
  })
  .optional()
  .describe(
    'Where to post {"text": …}, the format of Slack and others, when a run needs a person and when a sweep ends. ' +
      'Delivery is retried for a day and never delays a run. Default: no messages.',
  )
export type Notify = NonNullable<z.infer<typeof notifySchema>>
