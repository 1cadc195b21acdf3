// Fields that the inputs of several workflows share.
import { z } from 'zod'
import { artifactSchema } from './artifact'
import { queuesSchema } from './queues'
import { cacheSchema, notifySchema, onFailureSchema, shardsSchema } from './run-settings'
import { dataSchema, limitsSchema, modelSchema, seedSchema, taskSchema } from './settings'
import { templateSchema } from './template-settings'
import { trackSchema } from './track'

/** Fields of every run. */
export const runFields = {
  seed: seedSchema,
  cache: cacheSchema,
  onFailure: onFailureSchema,
  queues: queuesSchema,
  shards: shardsSchema,
  notify: notifySchema,
  track: trackSchema,
}
/** Fields of a run that reads a dataset. */
export const datasetFields = {
  task: taskSchema,
  data: dataSchema,
  limits: limitsSchema,
  template: templateSchema.optional(),
  ...runFields,
}

export const policyGiven = z
  .union([artifactSchema, modelSchema])
  .describe('A model, or the artifact of an earlier stage, by reference or URI.')
