// `rlaif schedule`: runs that start at set times.
import type { Command } from 'commander'
import { clockChangeLines } from '../clock-changes'
import { OVERLAPS, type ScheduleDeclaration } from '../../contracts/schedule'
import { withConnection, type Connected } from '../../runs/connection'
import { listSchedules } from '../../runs/schedules'
import {
  applySchedule,
  backfillSchedule,
  deleteSchedule,
  describeSchedule,
  pauseSchedule,
  readDeclarations,
  triggerSchedule,
  type Applied,
  type BackfillFlags,
} from '../schedule'
import { describeLines, scheduleLines } from '../schedule-lines'
import { print, printAside, printJson } from '../terminal'
import { jsonOption, choiceOption } from './options'

/** Prints the lines, or the one line, that `use` returns. */
const printing = (use: (connection: Connected) => Promise<string | string[]>): Promise<void> =>
  withConnection(async (connection) => [await use(connection)].flat().forEach(print))

export function addScheduleCommands(program: Command): void {
  const schedule = program.command('schedule').description('manage runs that start at set times')
  addApply(schedule)
  schedule
    .command('list')
    .description('list the schedules')
    .addOption(jsonOption())
    .action(({ json }: { json?: boolean }) =>
      withConnection(async (connection) => {
        const schedules = await listSchedules(connection)
        if (json) printJson('schedule list', schedules)
        else scheduleLines(schedules).forEach(print)
      }),
    )
  schedule
    .command('describe <schedule>')
    .description('show when a schedule runs next and what it has run')
    .addOption(jsonOption())
    .action((id: string, { json }: { json?: boolean }) =>
      withConnection(async (connection) => {
        const schedule = await describeSchedule(connection, id)
        if (json) printJson('schedule describe', schedule)
        else describeLines(schedule).forEach(print)
      }),
    )
  schedule
    .command('pause <schedule>')
    .description('pause a schedule: it starts no run until it is unpaused')
    .option('--note <text>', 'reason, kept with the schedule')
    .action((id: string, { note }: { note?: string }) =>
      printing((connection) => pauseSchedule(connection, id, true, note)),
    )
  schedule
    .command('unpause <schedule>')
    .description('make a paused schedule active again')
    .option('--note <text>', 'reason, kept with the schedule')
    .action((id: string, { note }: { note?: string }) =>
      printing((connection) => pauseSchedule(connection, id, false, note)),
    )
  schedule
    .command('trigger <schedule>')
    .description('start a run now, in addition to the scheduled ones')
    .action((id: string) => printing((connection) => triggerSchedule(connection, id)))
  addBackfill(schedule)
  schedule
    .command('delete <schedule>')
    .description('delete a schedule; its runs and reports stay')
    .option('--yes', 'delete the schedule; without it, the command only says what it would delete')
    .action((id: string, { yes }: { yes?: boolean }) =>
      printing((connection) => deleteSchedule(connection, id, yes ?? false)),
    )
}

function addApply(schedule: Command): void {
  schedule
    .command('apply <files...>')
    .description('create or update the schedules that JSON files declare; a folder stands for its .json files')
    .option('--dry-run', 'show what would change and change nothing')
    .addOption(jsonOption())
    .action((files: string[], flags: ApplyFlags) => applyAll(readDeclarations(files), flags))
}

interface ApplyFlags {
  dryRun?: boolean
  json?: boolean
}

const applyAll = (declarations: readonly ScheduleDeclaration[], { dryRun, json }: ApplyFlags): Promise<void> =>
  withConnection(async (connection) => {
    const say = json ? printAside : print
    const schedules: { id: string; change: Applied }[] = []
    for (const declaration of declarations) {
      const { id } = declaration
      const change = await applySchedule(connection, declaration, dryRun)
      schedules.push({ id, change })
      if (!json) print(`${id}: ${dryRun ? 'would be ' : ''}${change}`)
      clockChangeLines(declaration).forEach(say)
    }
    if (json) printJson('schedule apply', { schedules })
  })

function addBackfill(schedule: Command): void {
  schedule
    .command('backfill <schedule>')
    .description('start the runs of a time range in the past; without --yes, only list them')
    .requiredOption('--from <time>', 'start of the time range: a date or a time')
    .requiredOption('--to <time>', 'end of the time range: a date or a time')
    .addOption(
      choiceOption(
        '--overlap <policy>',
        'what to do with a run while an earlier one is in progress; bufferAll: one after the other',
        Object.keys(OVERLAPS),
        'bufferAll',
      ),
    )
    .option('--yes', 'start the runs')
    .action((id: string, flags: BackfillFlags) => printing((connection) => backfillSchedule(connection, id, flags)))
}
