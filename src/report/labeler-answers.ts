// From when the answers of a labeler or judge are, and what to know of its rationales, by the figures of its stage.
import type { Summary } from '../contracts/artifact'
import { counted, formatPercent, isOrAre } from '../number-format'

/** The days on which the answers were given; an endpoint may have changed since. Empty where no figure says so. */
export function answerDays({ answersFrom, answersTo, undatedAnswers }: Summary): string {
  const undated = Number(undatedAnswers ?? 0)
  const days = answersFrom === answersTo ? answersFrom : `${String(answersFrom)} to ${String(answersTo)}`
  return [
    ...(typeof answersFrom === 'string' ? [`answers of ${days}`] : []),
    ...(undated > 0 ? [`${counted(undated, 'answer')} of unknown date, stored by an earlier version`] : []),
  ].join(', ')
}

/** The name of a labeler or judge, with the days of its answers. */
export function withAnswerDays(name: string, summary: Summary | undefined): string {
  const days = summary === undefined ? '' : answerDays(summary)
  return days === '' ? name : `${name} (${days})`
}

type StageFigures = readonly { stage: string; summary: Summary }[]

/** The judge of a comparison or a run, with the days of its answers. */
export function judgeWithDays(judge: string, stages: StageFigures): string {
  const summaryOf = (wanted: string) => stages.find(({ stage }) => stage === wanted)?.summary
  return withAnswerDays(judge, summaryOf('contest') ?? summaryOf('evaluate'))
}

/** Responses that were to be judged alone and got no answer. */
export function verdictCautions(stages: StageFigures): string[] {
  const failed = stages.reduce((sum, { summary }) => sum + Number(summary.failedVerdicts ?? 0), 0)
  return failed === 0
    ? []
    : [`${counted(failed, 'response')} got no answer from the judge and ${isOrAre(failed)} left out of the shares.`]
}

/** Rationales that a local model did not bring to an end; those of an endpoint fail instead. */
export function rationaleCautions({ rationales, cutRationales, labeler, judge }: Summary): string[] {
  const [all, cut] = [Number(rationales ?? 0), Number(cutRationales ?? 0)]
  if (cut === 0) return []
  const by = String(labeler ?? judge ?? 'the labeler')
  return [
    `${cut} of ${counted(all, 'rationale')} (${formatPercent(cut / all)}) by ${by} ${cut === 1 ? 'was' : 'were'} cut ` +
      'off at rationaleTokens: its answers were read after unfinished thoughts; raise rationaleTokens.',
  ]
}
