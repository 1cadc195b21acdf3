// Steps of direct RLAIF that teach nothing. A response that is cut loses `rl.missingEosPenalty`, but no reward falls
// below the lowest score: where every response of a step ends there, no response is better than another.
import type { StageInput } from '../contracts/stages'
import type { Metrics } from '../training/checkpoint'
import type { StageHost } from './stage'

/** The lowest direct score (feedback/direct-score.ts). */
export const LOWEST_SCORE = -1
/** One step of few responses may end there by chance. */
const IN_A_ROW = 3

const liesAtFloor = ({ reward }: Metrics) => reward === LOWEST_SCORE

/** The share of such steps, of the last fifth; a figure of the stage where there are any. */
export function floorFigures(history: readonly Metrics[]): { floorShare?: number } {
  const last = history.slice(-Math.ceil(history.length / 5))
  const floorShare = last.filter(liesAtFloor).length / last.length
  return floorShare > 0 ? { floorShare } : {}
}

/** The host of a stage whose rewards are direct scores: it says so when steps begin to teach nothing. */
export function warningOfFloor(host: StageHost, { limits }: Pick<StageInput<'rl'>, 'limits'>): StageHost {
  let inARow = 0
  return {
    ...host,
    report(progress) {
      if (progress.metrics?.reward !== undefined) inARow = liesAtFloor(progress.metrics) ? inARow + 1 : 0
      if (inARow === IN_A_ROW)
        host.warn(
          `rl: every reward of the last ${IN_A_ROW} steps is ${LOWEST_SCORE}, the lowest, so the policy learned nothing ` +
            `from them: responses that are cut at limits.responseTokens (${limits.responseTokens}) lose ` +
            'rl.missingEosPenalty; raise the limit, or set the penalty to 0',
        )
      host.report(progress)
    },
  }
}
