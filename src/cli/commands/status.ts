// Commands that look at runs: how they stand, what they found, and why.
import type { Command } from 'commander'
import { exitCodeOf } from '../../contracts/command-output'
import { workflowSchemas } from '../../contracts/workflow-inputs'
import { openInBrowser } from '../browser'
import { withConnection, type Connected } from '../../runs/connection'
import { existingRun } from '../../runs/existing-run'
import { explained, explainLines } from '../explain'
import { latestRuns, sinceTime, type ListFlags } from '../../runs/run-list'
import { listLines } from '../run-list-lines'
import { viewOf } from '../../runs/run-view'
import { reportFile, statusLines } from '../status'
import { print, printJson } from '../terminal'
import { exitWith } from './exit-code'
import { choiceOption, jsonOption, numberOption } from './options'

interface StatusFlags extends ListFlags {
  json?: boolean
}

export function addStatusCommands(program: Command): void {
  program
    .command('status [run]')
    .description(
      'list the latest runs, or show the stages and the answer of one; its exit code tells how the run stands',
    )
    .option('--parked', 'list only parked runs, and why; also those that another run has started')
    .addOption(
      choiceOption('--type <workflow>', 'list only runs of this workflow, e.g. align', Object.keys(workflowSchemas)),
    )
    .option('--since <time>', 'list only runs that were started since then: 12h, 7d, or a date or time', sinceTime)
    .option('--all', 'also list trials, arms and other runs that a run has started')
    .addOption(numberOption('--limit <n>', 'number of runs to list', { from: 1, to: 9999 }, 20))
    .addOption(jsonOption())
    .action((id: string | undefined, flags: StatusFlags) =>
      withConnection((connection) => (id === undefined ? list(connection, flags) : show(connection, id, flags))),
    )
  program
    .command('explain <run>')
    .description('say what happened in a run, what its result rests on, and what to do next')
    .addOption(jsonOption())
    .action((id: string, { json }: { json?: boolean }) =>
      withConnection(async (connection) => {
        const explanation = explained(await viewOf(connection, await existingRun(connection, id)))
        if (json) printJson('explain', explanation)
        else explainLines(explanation).forEach(print)
      }),
    )
  addReport(program)
}

function addReport(program: Command): void {
  program
    .command('report <run>')
    .description('print the path of the report of a finished run')
    .option('--open', 'open the report in the browser as well')
    .addOption(jsonOption())
    .action((id: string, { open, json }: { open?: boolean; json?: boolean }) =>
      withConnection(async (connection) => {
        const { path, uri } = await reportFile(connection, id)
        if (json) printJson('report', { id, path, uri })
        else print(path)
        if (open) await openInBrowser(path)
      }),
    )
}

async function list(connected: Connected, flags: StatusFlags): Promise<void> {
  const runs = await latestRuns(connected, flags)
  if (flags.json) printJson('status', runs)
  else listLines(runs, flags).forEach(print)
}

async function show(connected: Connected, id: string, { json }: StatusFlags): Promise<void> {
  const view = await viewOf(connected, await existingRun(connected, id))
  if (json) printJson('status', view.output)
  else statusLines(view).forEach(print)
  exitWith(exitCodeOf(view.output.state))
}
