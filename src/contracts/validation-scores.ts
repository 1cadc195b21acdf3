// What validations leave for people who read them response by response: file names and the format of the scores.
import { z } from 'zod'

/** Of stages `rl` and `online-dpo`: a line for each validation, with all its responses. */
export const VALIDATIONS_FILE = 'validations.jsonl'
/** Of the same: the validation prompts, and the responses of the candidates. */
export const CANDIDATES_FILE = 'candidates.json'
/**
 * A line for each validation: what each response was given. Like the training curves, it is no part of an artifact's
 * digest; artifacts of earlier versions lack it.
 */
export const SCORES_FILE = 'validation-scores.jsonl'

/** While the stage runs: a folder of its checkpoints with the prompts, and a file for each validation. */
export const LIVE_FOLDER = 'validations'
export const LIVE_PROMPTS = 'prompts.json'
export const LIVE_STEP = /^step-(\d{8})\.json$/
export const liveStepFile = (step: number): string => `step-${String(step).padStart(8, '0')}.json`

/** The reward that training raises, after the rule for responses that were cut. */
export const REWARD = 'reward'
/** What a second judge, which the policy is not trained on, gave it. */
export const WATCH = 'watch'
/** Of stage `choose`: the judge's probability that the response is better than the one before training. */
export const JUDGE = 'judge'

/** By who gave them: one number for each prompt, in their order; null where there is none. */
export const scoresSchema = z.record(z.string(), z.array(z.number().nullable()))
export type Scores = z.infer<typeof scoresSchema>

export const validationScoresSchema = z.object({ step: z.number().int(), scores: scoresSchema })
export type ValidationScores = z.infer<typeof validationScoresSchema>
