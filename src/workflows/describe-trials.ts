// What a running sweep shows in the UI, as Markdown: its progress, and the trials that a person may want to look at.
import { cutInside } from '../contracts/brief'
import { metricOf, type EndedTrial, type SweepInput } from '../contracts/sweep'
import type { Trial } from '../contracts/sweep-trials'
import { metricText, metricWords } from '../contracts/figures'
import { counted, formatDuration } from '../number-format'
import { markdownTable } from './markdown-table'
import type { TrialLedger } from './trial-ledger'

const MAX_ROWS = 40
const MOST_CHARACTERS = 300

/** @returns a line, and a note with a table of trials by number: of many, those that went wrong and the latest ones */
export function describeTrials(
  settings: SweepInput,
  ledger: TrialLedger,
  sweepId: string,
): { line: string; note: string } {
  const { trials, ended, active, waiting, paused, stopped } = ledger
  const parked = [...active.values()].filter((one) => one.parked !== undefined)
  const running = [...active.values()].filter((one) => one.parked === undefined)
  const results = [...ended.values()]
  const failed = results.filter(({ state }) => state === 'failed')
  const done = results.filter(({ state }) => state === 'done')
  const counts = [
    `${done.length} of ${counted(trials.length, 'trial')} done`,
    ...(failed.length > 0 ? [`${failed.length} failed`] : []),
    ...(parked.length > 0 ? [`${parked.length} parked`] : []),
    ...(running.length > 0 ? [`${running.length} running`] : []),
  ]
  const halted = stopped === undefined ? (paused ? ' · paused' : '') : ` · no further trial starts: ${stopped}`
  const line = `${counts.join(', ')}${halted}`
  const metric = metricOf(settings)
  const row = rowOf(metric)
  const rows = [
    ...parked.map(({ trial, parked }) => row(trial, 'parked', undefined, parked)),
    ...running.map(({ trial }) => row(trial, 'running')),
    ...failed.map((one) => row(trials[one.trial]!, 'failed', one)),
    ...done.reverse().map((one) => row(trials[one.trial]!, 'done', one)),
  ]
    .slice(0, MAX_ROWS)
    .sort(([a], [b]) => Number(a) - Number(b))
  const advice =
    parked.length > 0
      ? [
          `Resume a parked trial with \`resolveFailure\` in its own run, \`${sweepId}/trial-<number>\`; ` +
            'the others continue.',
        ]
      : []
  const table = markdownTable(['Trial', 'Settings', 'Seed', 'State', 'Time', metricWords(metric)], rows)
  const rest = [
    ...(waiting.length > 0 ? [`${counted(waiting.length, 'is', 'are')} waiting.`] : []),
    ...(rows.length === MAX_ROWS ? [`Only ${MAX_ROWS} are shown; the report will have all.`] : []),
  ]
  return { line, note: [`**${line}.**`, ...advice, table, ...(rest.length > 0 ? [rest.join(' ')] : [])].join('\n\n') }
}

const rowOf =
  (metric: string) =>
  ({ trial, levels, seed }: Trial, state: string, ended?: EndedTrial, message = ended?.message): string[] => {
    const settings = Object.entries(levels)
      .map(([field, level]) => `${field} ${level}`)
      .join(', ')
    const figure = ended?.metric === undefined ? '' : metricText(metric, ended.metric)
    const seconds = ended?.seconds === undefined ? '' : formatDuration(ended.seconds)
    return [`${trial}`, settings, `${seed}`, state, seconds, message ? cutInside(message, MOST_CHARACTERS) : figure]
  }
