// Validations response by response, for people who read them: while training goes on, and afterwards.
import { mkdirSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import {
  LIVE_FOLDER,
  LIVE_PROMPTS,
  liveStepFile,
  SCORES_FILE,
  type ValidationScores,
} from '../contracts/validation-scores'
import type { Row } from '../data/row'
import { writeJsonl } from '../json-lines'
import type { CandidateText } from './rows'
import type { StageHost } from './stage'

/** Only finite numbers have a place in JSON. */
export const orNull = (score: number | undefined): number | null =>
  score !== undefined && Number.isFinite(score) ? score : null

/** Next to the responses, in the order of the prompts. Writes nothing where no response has a score. */
export function writeValidationScores(folder: string, validations: readonly ValidationScores[]): void {
  const scored = validations.filter(({ scores }) => Object.keys(scores).length > 0)
  if (scored.length > 0)
    writeJsonl(
      join(folder, SCORES_FILE),
      scored.map(({ step, scores }) => ({ step, scores })),
    )
}

/**
 * Shows the validations of a stage that has not ended. A step that is done again, by another attempt, replaces itself.
 * @returns what to call after each validation
 */
export function openLiveValidations(
  { checkpoints, run }: Pick<StageHost, 'checkpoints' | 'run'>,
  held: readonly Row[],
): (validation: CandidateText & Pick<ValidationScores, 'scores'>) => void {
  const folder = join(checkpoints, LIVE_FOLDER)
  mkdirSync(folder, { recursive: true })
  writeWhole(join(folder, LIVE_PROMPTS), { run, rows: held.map(({ id, context }) => ({ id, context })) })
  return ({ step, reward, responses, scores }) =>
    writeWhole(join(folder, liveStepFile(step)), { step, reward, responses, scores })
}

/** Whoever reads meanwhile sees all of it or nothing. */
function writeWhole(file: string, content: unknown): void {
  writeFileSync(`${file}.partial`, JSON.stringify(content))
  renameSync(`${file}.partial`, file)
}
