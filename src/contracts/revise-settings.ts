// Settings of stage `revise`: responses that are criticized and rewritten by the principles of the task.
import { z } from 'zod'
import { count, probability } from './fields'
import { memberOfJury } from './labeler-settings'
import { precisionField } from './precision'

export const reviseSchema = z
  .strictObject({
    labeler: memberOfJury
      .prefault({ model: 'policy' })
      .meta({ default: { model: 'policy' } })
      .describe(
        'Who writes critiques and revisions: "policy", the model itself, or another labeler; the same fields as "labeler". ' +
          'How it would be asked about pairs has no influence.',
      ),
    rounds: count
      .max(8)
      .default(1)
      .describe(
        'Number of critiques and revisions of a response, one after the other, each by a principle of its own.',
      ),
    temperature: z
      .number()
      .min(0)
      .max(5)
      .default(1)
      .describe('Sampling temperature of the responses that are revised; 0 is greedy.'),
    writingTemperature: z
      .number()
      .min(0)
      .max(5)
      .default(0)
      .describe('Sampling temperature of critiques and revisions; 0 is greedy.'),
    critiqueTokens: count.max(4096).default(256).describe('Maximum length of a critique, in tokens of who writes it.'),
    revisionTokens: count.max(4096).default(256).describe('Maximum length of a revision, in tokens of who writes it.'),
    maxFailedShare: probability
      .default(0.02)
      .describe('Tolerated share of responses that get no revision, from 0 to 1; the stage fails when more do.'),
    precision: precisionField,
  })
  .describe(
    'Constitutional AI: the model answers each training prompt, its response is criticized and rewritten by principles of ' +
      'the task that the seed draws, and SFT learns from what was rewritten, in place of references. Default: no revision.',
  )
export type ReviseSettings = z.infer<typeof reviseSchema>
