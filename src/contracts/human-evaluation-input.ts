// The input of `humanEvaluation`.
import { z } from 'zod'
import { artifactSchema, artifactUri, isArtifactUri } from './artifact'
import { isWorkflowId } from './brief'
import { ratingKind, ratingSchema } from './human-evaluation'
import { runFields } from './input-fields'
import { armName } from './stages'

const MAX_RATINGS = 30_000
const raterName = z
  .string()
  .regex(/^[\w.-]{1,40}$/, 'expected letters, digits, underscores, dots and dashes, at most 40: it is part of a link')

const runId = z
  .string()
  .refine((text) => isWorkflowId(text) && !isArtifactUri(text), 'expected the id of a run of compare')
const contestOfRunSchema = z.strictObject({
  run: runId.describe('Id of the run of `compare`.'),
  seed: z.number().int().min(0).optional().describe('Which of its seeds. Default: the first.'),
})
/** The run of a comparison whose contest is meant. */
export type ContestOfRun = z.infer<typeof contestOfRunSchema>
const contestGiven = z.union([artifactSchema, artifactUri, contestOfRunSchema, runId])
export type ContestGiven = z.infer<typeof contestGiven>

export const humanEvaluationSchema = z
  .strictObject({
    contest: contestGiven.describe(
      'The comparison whose responses are rated: the id of its run. Of a comparison with several seeds, it is the ' +
        'first; {"run": id, "seed": number} names another. Or the contest itself, by reference or URI.',
    ),
    kind: ratingKind
      .default('rank')
      .describe(
        'What raters do. "rank": order the responses from best to worst, without ties; ' +
          '"verdict": say of each response whether it is good, as for harmlessness.',
      ),
    policies: z
      .array(armName)
      .min(1)
      .max(9)
      .optional()
      .describe('Names of the policies whose responses are shown. Default: all policies of the contest.'),
    order: z
      .enum(['random', 'disagreement'])
      .optional()
      .describe(
        'Which prompts are taken, and in which order raters get them. "random" (default): drawn with the seed, and each ' +
          'rater in an order of their own; "disagreement": those first on which the members of the jury that judged the ' +
          'contest are furthest apart.',
      ),
    prompts: z
      .number()
      .int()
      .min(1)
      .max(10_000)
      .default(100)
      .describe('Maximum number of prompts, drawn with the seed.'),
    ratingsPerPrompt: z
      .number()
      .int()
      .min(1)
      .max(20)
      .default(3)
      .describe('Number of raters who must rate an item before it is done.'),
    raters: z
      .array(raterName)
      .min(1)
      .max(200)
      .default(['rater-1', 'rater-2', 'rater-3'])
      .describe('Names of the raters. Each gets their own link: `rlaif rate <run>` prints them.'),
    checkEvery: z
      .number()
      .int()
      .min(0)
      .default(20)
      .describe('Number of items between attention checks, which every rater gets; 0 for none.'),
    days: z
      .number()
      .positive()
      .max(365)
      .default(30)
      .describe('Days after which the evaluation ends with the ratings it has.'),
    carried: z
      .strictObject({
        items: artifactSchema,
        ratings: z.array(ratingSchema),
        until: z.number(),
        /** By rater: the items that they may be looking at. */
        offered: z.array(z.array(z.number().int().min(0))).optional(),
      })
      .optional()
      .describe('Internal: what the run hands to its own continuation.'),
    ...runFields,
  })
  .refine(({ raters, ratingsPerPrompt }) => raters.length >= ratingsPerPrompt, {
    path: ['raters'],
    message: 'must have at least as many raters as "ratingsPerPrompt": nobody rates an item twice',
  })
  .refine(({ raters }) => new Set(raters).size === raters.length, {
    path: ['raters'],
    message: 'must have no name twice',
  })
  .refine(({ prompts, ratingsPerPrompt }) => prompts * ratingsPerPrompt <= MAX_RATINGS, {
    path: ['prompts'],
    message: `prompts × ratingsPerPrompt must be at most ${MAX_RATINGS}`,
  })
export type HumanEvaluationInput = z.infer<typeof humanEvaluationSchema>
