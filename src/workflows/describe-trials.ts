// What a sweep shows of itself while it goes on: how far it is, and the trials a person may want to look at, as Markdown.
import { metricOf, type EndedTrial, type SweepInput } from '../contracts/sweep'
import type { Trial } from '../contracts/sweep-trials'
import { cell, shown } from './describe'
import type { TrialLedger } from './trial-ledger'

const ROWS = 40

/** @returns a line, and a table that begins with what went wrong and ends with what was finished last */
export function describeTrials(
  settings: SweepInput,
  ledger: TrialLedger,
  sweepId: string,
): { line: string; note: string } {
  const { trials, ended, begun, waiting, paused, stopped } = ledger
  const parked = [...begun.values()].filter((one) => one.parked !== undefined)
  const running = [...begun.values()].filter((one) => one.parked === undefined)
  const results = [...ended.values()]
  const failed = results.filter(({ state }) => state === 'failed')
  const done = results.filter(({ state }) => state === 'done')
  const counts = [
    `${done.length} of ${trials.length} trials done`,
    ...(failed.length > 0 ? [`${failed.length} failed`] : []),
    ...(parked.length > 0 ? [`${parked.length} parked`] : []),
    ...(running.length > 0 ? [`${running.length} running`] : []),
  ]
  const line = `${counts.join(', ')}${stopped === undefined ? (paused ? ' · paused' : '') : ` · no other starts: ${stopped}`}`
  const rows = [
    ...parked.map(({ trial, parked }) => row(trial, 'parked', undefined, parked)),
    ...running.map(({ trial }) => row(trial, 'running')),
    ...failed.map((one) => row(trials[one.trial]!, 'failed', one)),
    ...done.reverse().map((one) => row(trials[one.trial]!, 'done', one)),
  ].slice(0, ROWS)
  const ways =
    parked.length > 0
      ? [
          `A parked trial is mended in its own run, \`${sweepId}/trial-<number>\`, by \`resolveFailure\`; the others go on.`,
        ]
      : []
  const table = [
    `| Trial | Settings | Seed | State | Seconds | ${metricOf(settings)} |`,
    '|---|---|---|---|---|---|',
    ...rows,
  ].join('\n')
  const rest = [
    ...(waiting.length > 0 ? [`${waiting.length} wait.`] : []),
    ...(rows.length === ROWS ? [`No more than ${ROWS} are shown; the report will have all.`] : []),
  ]
  return { line, note: [`**${line}.**`, ...ways, table, ...(rest.length > 0 ? [rest.join(' ')] : [])].join('\n\n') }
}

function row({ trial, levels, seed }: Trial, state: string, ended?: EndedTrial, message = ended?.message): string {
  const settings = Object.entries(levels)
    .map(([field, level]) => `${field} ${level}`)
    .join(', ')
  const figure = ended?.metric === undefined ? '' : shown(ended.metric)
  return `| ${trial} | ${cell(settings)} | ${seed} | ${state} | ${ended?.seconds?.toFixed(0) ?? ''} | ${message ? cell(message.slice(0, 120)) : figure} |`
}
