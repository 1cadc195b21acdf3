// What the result of an alignment rests on, in sentences: its data, who labelled, who judged, and what weakens it.
import type { Summary } from '../contracts/artifact'
import { kinshipRemarks, spokenName } from '../evaluation/model-family'
import { distinctCautions, trainedBy } from './stage-cautions'
import { numberOf, shareText, stageSentence } from './stage-sentences'

interface RanStage {
  stage: string
  summary: Summary
}

/** @param stages those that have ended, in their order */
export function foundationsOf(stages: readonly RanStage[]): string[] {
  const summaryOf = (wanted: string) => stages.find(({ stage }) => stage === wanted)?.summary
  const said = (stage: string) => {
    const summary = summaryOf(stage)
    return summary === undefined ? [] : (stageSentence(stage, summary) ?? [])
  }
  const judging = summaryOf('evaluate') ?? summaryOf('contest')
  return [
    ...['data', 'human-labels', 'label', 'reward-model', 'dpo'].flatMap(said),
    ...(judging ? [judgeSentence(judging)] : []),
    ...(typeof judging?.judge === 'string' ? kinshipRemarks({ judge: judging.judge, ...trainedBy(stages) }) : []),
    ...distinctCautions(stages),
  ]
}

function judgeSentence({ judge, agreement, agreementLow, agreementHigh }: Summary): string {
  const judged = `The judge is ${spokenName(String(judge))}`
  if (numberOf(agreement) === undefined)
    return `${judged}; no pairs that people compared show whether it judges as people do.`
  const chance = Number(agreementLow) <= 0.5 ? ', which is not measurably better than chance' : ''
  const share = shareText(
    numberOf(agreement),
    'the pairs that they compared',
    numberOf(agreementLow),
    numberOf(agreementHigh),
  )
  return `${judged}; it agrees with people on ${share}${chance}.`
}
