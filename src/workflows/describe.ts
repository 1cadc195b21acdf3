// What a run shows in the UI, as Markdown: a table of its stages and, if one is parked, what failed and how to resume.
import { brief } from '../contracts/brief'
import { figureLines } from '../contracts/figures'
import { isEndpoint, membersOf, type MemberSettings } from '../contracts/labeler-settings'
import type { LabelerInput, StageName } from '../contracts/stages'
import type { StageStatus } from '../contracts/status'
import { counted, formatDuration } from '../number-format'
import { markdownTable } from './markdown-table'

/** A line that names a stage and its main settings in the UI's timeline. */
export function summaryOf(shownAs: string, stage: StageName, input: object): string {
  const { settings, labeler, judge, watch, spec, task } = input as {
    settings?: Record<string, unknown>
    spec?: string
    task?: string
  } & Partial<Record<'labeler' | 'judge' | 'watch', LabelerInput>>
  const nameOf = ({ settings }: LabelerInput) => membersOf(settings).map(memberName).join(' and ')
  const parts = [
    spec,
    task,
    labeler && `labeler ${nameOf(labeler)}`,
    judge && `judge ${nameOf(judge)}`,
    watch && `watch ${nameOf(watch)}`,
    ...SHOWN_SETTINGS.filter((name) => settings?.[name] !== undefined).map(
      (name) => `${name} ${String(settings![name])}`,
    ),
  ]
  return brief([...(shownAs === stage ? [] : [shownAs]), ...parts.filter((part) => part !== undefined)].join(', '))
}
const memberName = (settings: MemberSettings) =>
  isEndpoint(settings) ? `${settings.model} at ${settings.baseUrl.replace(/^https?:\/\//, '')}` : settings.model

const SHOWN_SETTINGS = ['algorithm', 'epochs', 'steps', 'learningRate'] as const

/** @param run its id, for the command that opens its report */
export function describe(
  stages: readonly StageStatus[],
  note?: string,
  run = '<run>',
  warnings: readonly string[] = [],
): string {
  const rows = stages.map(({ stage, state, seconds, message, artifact }) => {
    const figures = artifact ? figureLines(artifact.summary).map(({ words, text }) => `${words} ${text}`) : []
    const said = [figures.join(', '), message ?? ''].filter((part) => part !== '').join('; ')
    return [stage, state, seconds === undefined ? '' : formatDuration(seconds), said]
  })
  const table = markdownTable(['Stage', 'State', 'Time', 'Figures'], rows)
  const warned = warnings.map((text) => `**Warning.** ${text}`)
  const above = [...warned, ...reportLink(stages, run), ...(note === undefined ? [] : [note])]
  return [...above, ...endedEarly(stages), ...howToResume(stages), table].join('\n\n')
}

/** Stages whose artifact is a report; the last of a run is the run's own. */
const REPORTS = /\/(report|comparison|study|sweep-report|human-results|claims)\/[^/]+\/?$/

/** Where the report is, once it is written: its place, and the command that opens it from anywhere. */
function reportLink(stages: readonly StageStatus[], run: string): string[] {
  const found = stages.findLast(({ artifact }) => artifact && REPORTS.test(artifact.uri))
  if (!found) return []
  const address = `${found.artifact!.uri}/report.html`
  const place = address.replace(/^file:\/\//, '')
  return [`**[Report](<${address}>)**: \`rlaif report ${run}\` opens it; it is \`${place}\`.`]
}

/** A stage whose training went back to a checkpoint is done, but not as it was planned. */
const endedEarly = (stages: readonly StageStatus[]) =>
  stages.flatMap(({ stage, artifact }) =>
    typeof artifact?.summary.stopped === 'string' ? [`**${stage} ended early.** ${artifact.summary.stopped}`] : [],
  )

function howToResume(stages: readonly StageStatus[]): string[] {
  const parked = stages.find(({ state }) => state === 'parked')
  if (!parked) return []
  const { fields, examples, canSkip } = parked.waysOn ?? { fields: [], examples: [], canSkip: false }
  const ways = [
    '- the cause is fixed (the endpoint is up again, the file exists): `{"action": "retry"}`',
    ...examples.map((overrides) => `- with another setting: \`${JSON.stringify({ action: 'retry', overrides })}\``),
    ...(canSkip ? ['- continue without this stage: `{"action": "skip"}`'] : []),
    '- give up the run: `{"action": "abort"}`',
  ]
  return [
    `**${parked.stage} is parked.** ${parked.message ?? ''}`,
    'Resume with the update `resolveFailure` (menu at the top right, *Send an Update*):',
    ways.join('\n'),
    ...(fields.length > 0
      ? [`\`overrides\` of this stage takes ${fields.map((name) => `\`${name}\``).join(', ')}.`]
      : []),
  ]
}

const BAR_WIDTH = 20
/** How much of a stage that is split is done, as a bar. */
export function shardsDone(done: number, of: number): string {
  const filled = Math.floor((BAR_WIDTH * done) / of)
  return `[${'█'.repeat(filled)}${'░'.repeat(BAR_WIDTH - filled)}] ${done} of ${counted(of, 'shard')}`
}
