// From when the answers of a labeler or judge are, and what to know of its rationales, by the figures of its stage.
import type { Summary } from '../contracts/artifact'
import { percent } from './table'

/** The days on which the answers were given; an endpoint may have changed since. Empty where no figure says so. */
export function answerDays({ answersFrom, answersTo, undatedAnswers }: Summary): string {
  const undated = Number(undatedAnswers ?? 0)
  const days = answersFrom === answersTo ? answersFrom : `${String(answersFrom)} to ${String(answersTo)}`
  return [
    ...(typeof answersFrom === 'string' ? [`answers of ${days}`] : []),
    ...(undated > 0 ? [`${undated} answers of unknown date, stored by an earlier version`] : []),
  ].join(', ')
}

/** The name of a labeler or judge, with the days of its answers. */
export function withAnswerDays(name: string, summary: Summary | undefined): string {
  const days = summary === undefined ? '' : answerDays(summary)
  return days === '' ? name : `${name} (${days})`
}

/** Rationales that a local model did not bring to an end; those of an endpoint fail instead. */
export function rationaleCautions({ rationales, cutRationales, labeler, judge }: Summary): string[] {
  const [all, cut] = [Number(rationales ?? 0), Number(cutRationales ?? 0)]
  if (cut === 0) return []
  return [
    `${cut} of ${all} rationales (${percent(cut / all)}) by ${String(labeler ?? judge ?? 'the labeler')} were cut off ` +
      'at rationaleTokens: its answers were read after unfinished thoughts; raise rationaleTokens.',
  ]
}
