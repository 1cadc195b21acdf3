// Hostile inputs of every workflow, and of the messages that running workflows take.
import { z } from 'zod'
import { ratingMessageSchema } from '../dist/contracts/human-evaluation.js'
import { resolutionSchema } from '../dist/contracts/resolution.js'
import { trialParkedSchema } from '../dist/contracts/sweep.js'
import { workflowSchemas } from '../dist/contracts/workflow-inputs.js'
import { diceOf } from './dice.mjs'
import { damagedBytes, hostileTexts, mutatedJson } from './mutations.mjs'
import { validValue } from './schema-values.mjs'

export const WORKFLOWS = Object.keys(workflowSchemas)
/** What running workflows take, by the schema of its argument. */
export const MESSAGES = {
  resolveFailure: resolutionSchema,
  rate: ratingMessageSchema,
  trialParked: trialParkedSchema,
  raterView: z.string(),
}
/** Input i is of kind i modulo their number. */
export const KINDS = [...WORKFLOWS, ...Object.keys(MESSAGES)]
const schemaOf = { ...workflowSchemas, ...MESSAGES }

/** What fields take that are checked later, as inputs of other workflows. */
const INNER = { base: workflowSchemas.align, input: workflowSchemas.align, overrides: workflowSchemas.rl }

/** What ties fields together in ways that walking a schema does not see. */
const TYPICAL = {
  compare: ({ base: { seed: _, ...base } = {}, ...more }, { pick }) => ({
    ...more,
    base,
    arms: pick([
      ['sft', 'rlhf'],
      ['sft', { name: 'ours', like: 'rlaif', input: { labeler: 'policy' } }],
    ]),
  }),
  sweep: ({ axes, list, draw, baseline, base: { seed: _, ...base } = {}, ...more }, { pick }) => ({
    ...more,
    base: pick([base, {}]),
    workflow: pick(['align', 'align', 'compare', 'labelStudy', 'rl']),
    maxTrials: 50,
    budget: {},
    ...pick([
      {
        axes: [
          {
            field: pick(['limits.responseTokens', 'data.limit', 'cache']),
            values: pick([
              ['use', 'off'],
              [8, 16],
            ]),
          },
        ],
      },
      { axes: [{ field: 'limits.promptTokens', values: [64, 128, 256], labels: ['a', 'b', 'c'] }], draw: 2 },
      { list: [{ 'limits.promptTokens': 64 }, { 'data.path': 'world:summaries?rows=40', onFailure: 'fail' }] },
    ]),
  }),
  resolveFailure: (_, { pick }) => ({
    action: pick(['retry', 'retry', 'retry', 'skip', 'abort']),
    ...pick([
      {},
      { overrides: { judge: pick(['default', 'policy', { baseUrl: 'world:', model: 'L' }]) } },
      { overrides: { settings: { temperature: 1, agreementPairs: 3 }, limits: { promptTokens: 64 } } },
    ]),
  }),
}

/** @returns its kind, and the bytes of its JSON */
export function workflowInput(seed, index, target) {
  const dice = diceOf(seed, index)
  const kind = KINDS[index % KINDS.length]
  const valid = validValue(schemaOf[kind], dice, INNER)
  const given = TYPICAL[kind] && !dice.oneIn(3) ? TYPICAL[kind](valid, dice) : valid
  const text = mutatedJson(given, dice, hostileTexts(target))
  return { kind, bytes: dice.oneIn(12) ? damagedBytes(text, dice) : Buffer.from(text) }
}
