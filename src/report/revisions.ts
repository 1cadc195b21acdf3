// Responses that were criticized and rewritten before SFT, to read.
import { heading, note, sampleCards, type Sample } from './html'

export interface ShownRevision {
  context: string
  response: string
  rounds: readonly { principle: string; critique: string; revision: string }[]
  failed?: string
}

/** @param revisions the first few of a run */
export function revisionSection(revisions: readonly ShownRevision[]): string {
  if (revisions.length === 0) return ''
  return [
    heading('Revisions'),
    note(
      "SFT learned from the last revision of each of the model's own responses. A few of them, with what was written:",
    ),
    sampleCards(revisions.map(sampleOf), 'pair'),
  ].join('')
}

function sampleOf({ context, response, rounds, failed }: ShownRevision): Sample {
  const last = rounds.at(-1)
  const remarks = rounds.map(
    ({ principle, critique }, i) => `Round ${i + 1}. Principle: ${principle} Critique: ${critique}`,
  )
  return {
    context,
    responses: [
      { title: 'Response', text: response },
      { title: 'Last revision', text: last?.revision ?? '' },
    ],
    remark: failed === undefined ? remarks.join(' ') : `No revision: ${failed}`,
  }
}
