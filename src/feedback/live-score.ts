// The reward of a response as a labeler, or a jury, gives it live: the direct score of the task, or its rubric.
import type { Task } from '../data/task'
import { scoreLevels } from './answer-levels'
import { directRewards, scoreQuestion } from './direct-score'
import { askMembers, combined, disagreementOf, isJury, quorate, type Asked, type Jury } from './jury'
import { isUnanswered, type Labeler, type Unanswered } from './labeler'
import type { SingleResponse } from './prompt'
import { rubricScores } from './rubric'
import type { Technique } from './technique'

export interface LiveScore {
  /** In [−1, 1]. */
  reward: number
  /** Of a rubric: each criterion by its name, in [−1, 1]. */
  criteria?: Record<string, number>
  /** Of a jury: the standard deviation of its members' rewards. */
  disagreement?: number
}

export interface Scoring {
  task: Task
  /** How a labeler is asked; the members of a jury have each their own. */
  technique?: Technique | undefined
  /** Called with the number of responses scored so far. */
  onProgress?: ((done: number) => void) | undefined
}

/** One score for each response, in order. */
export async function liveScores(
  asked: Asked,
  responses: readonly SingleResponse[],
  scoring: Scoring,
): Promise<(LiveScore | Unanswered)[]> {
  if (!isJury(asked)) return scoresOf(asked, responses, scoring)
  const answers = await askMembers<LiveScore>(
    asked,
    responses.length,
    ({ labeler, technique }, onProgress) => scoresOf(labeler, responses, { ...scoring, technique, onProgress }),
    scoring.onProgress,
  )
  return answers.map((each) => juryScore(asked, each))
}

async function scoresOf(
  labeler: Labeler,
  responses: readonly SingleResponse[],
  { task, technique, onProgress }: Scoring,
): Promise<(LiveScore | Unanswered)[]> {
  const rubric = technique?.guidance?.rubric
  if (rubric) return rubricScores(labeler, rubric, responses, { task, onProgress })
  const questions = responses.map(({ context, response }) => scoreQuestion(task, context, response))
  const rewards = await directRewards(labeler, questions, scoreLevels(task), onProgress)
  return rewards.map((reward) => (isUnanswered(reward) ? reward : { reward }))
}

function juryScore(jury: Jury, answers: readonly (LiveScore | Unanswered)[]): LiveScore | Unanswered {
  const given = quorate(jury, answers)
  if (isUnanswered(given)) return given
  const rewards = given.map(({ reward }) => reward)
  const names = [...new Set(given.flatMap(({ criteria = {} }) => Object.keys(criteria)))]
  const criteria = names.map((name) => {
    const values = given.flatMap(({ criteria }) => criteria?.[name] ?? [])
    return [name, combined(values, jury.combine)] as const
  })
  return {
    reward: combined(rewards, jury.combine),
    ...(criteria.length > 0 && { criteria: Object.fromEntries(criteria) }),
    disagreement: disagreementOf(rewards),
  }
}
