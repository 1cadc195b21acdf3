// What stage `rl` holds out, and what it says of its training, whichever engine trains.
import type { Summary } from '../contracts/artifact'
import type { StageInput } from '../contracts/stages'
import type { Row } from '../data/row'
import type { Tokenizer } from '../model/tokenizer'
import type { CandidateRecord } from '../training/candidates'
import type { Metrics } from '../training/checkpoint'
import { floorFigures } from './reward-floor'
import type { CandidateText } from './rows'
import { lastMean } from './stage'

type Settings = StageInput<'rl'>['settings']

/** Prompts held out of training, to choose among its steps. */
export const validationPrompts = (
  train: readonly Row[],
  { candidates, validationPrompts }: Pick<Settings, 'candidates' | 'validationPrompts'>,
): Row[] => (candidates > 0 ? train.slice(0, Math.min(validationPrompts, Math.floor(train.length / 4))) : [])

/**
 * With what single responses were given only where there is a watch: else that is no part of the artifact's
 * content.
 */
export const inText = (
  { step, reward, rewards, watched, responses }: CandidateRecord,
  tokenizer: Pick<Tokenizer, 'decode'>,
): CandidateText => ({
  step,
  reward,
  ...(rewards && watched && { rewards, watched }),
  responses: responses.map((ids) => tokenizer.decode(ids).trim()),
})

interface Validation {
  initial: number
  trusted: readonly CandidateRecord[]
  /** What a watch has found. */
  watched?: Summary
}

export const validationFigures = ({ initial, trusted, watched }: Validation): Summary => ({
  validationBefore: initial,
  validationBest: trusted[0]?.reward ?? null,
  candidates: trusted.length,
  ...watched,
})

interface Ended {
  /** Name of the labeler that scored, if it was one. */
  labeler?: string | undefined
  /** The reward before training, and the candidates that count, best first. */
  validation?: Validation
  stopped?: string | undefined
  /** What asking a labeler has cost. */
  spent: Summary
}

export function rlFigures(
  { settings, rewardModel }: StageInput<'rl'>,
  history: readonly Metrics[],
  { labeler, validation, stopped, spent }: Ended,
): Summary {
  return {
    algorithm: settings.algorithm,
    steps: history.length,
    reward: rewardModel ? 'reward model' : 'direct score',
    ...(labeler !== undefined && { labeler }),
    firstReward: history[0]!.rawReward!,
    lastReward: lastMean(history, 'rawReward'),
    ...(validation && validationFigures(validation)),
    ...(!rewardModel && floorFigures(history)),
    kl: lastMean(history, 'kl'),
    ...(stopped !== undefined && { stopped }),
    resumedAt: history.at(-1)!.resumedAt!,
    ...spent,
  }
}
