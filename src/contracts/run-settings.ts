// Settings of a run as a whole: what it takes from the store, what happens when a stage fails, whom it tells.
import { z } from 'zod'
import { environmentName } from './fields'

export const cacheSchema = z
  .enum(['use', 'refresh', 'off'])
  .default('use')
  .describe(
    '"use" takes finished stages with the same settings and inputs from the store; "refresh" does them again, for later runs to find; "off" does them for this run alone.',
  )
export type Cache = z.infer<typeof cacheSchema>

export const onFailureSchema = z
  .enum(['wait', 'fail'])
  .default('wait')
  .describe(
    'When a stage has failed for good: "wait" parks the run until a person sends `resolveFailure`; "fail" ends it, for schedules.',
  )
export type OnFailure = z.infer<typeof onFailureSchema>

/** Where messages go; addresses with a secret in them, and the key of the signature, by the name of a variable alone. */
export const notifySchema = z
  .strictObject({
    url: z
      .url({ protocol: /^https?$/ })
      .optional()
      .describe('Where to post, if the address is no secret.'),
    urlEnv: environmentName
      .optional()
      .describe('Name of the environment variable of the worker that holds the address, e.g. of a Slack webhook.'),
    secretEnv: environmentName
      .optional()
      .describe('Name of the variable with the key of the signature in the header X-Rlaif-Signature.'),
  })
  .refine(({ url, urlEnv }) => (url === undefined) !== (urlEnv === undefined), {
    path: ['url'],
    message: 'wants either "url" or "urlEnv"',
  })
  .optional()
  .describe(
    'Posts {"text": …}, as Slack and others take it, when a run needs a person and when a sweep has ended. Tried for a day; never holds up a run.',
  )
export type Notify = NonNullable<z.infer<typeof notifySchema>>
