// Commands that start runs and look after them.
import type { Command } from 'commander'
import { exitCode } from '../../contracts/exit-codes'
import { InvalidInput } from '../../contracts/parse'
import { RESOLUTION_ACTIONS } from '../../contracts/resolution'
import { sweepPresets } from '../../contracts/sweep-presets'
import { openInBrowser } from '../browser'
import { withConnection } from '../connection'
import { checkInput, readInput, workflowName } from '../input'
import { resolveRun } from '../resolve'
import { newId, startRun, watchRun, workersArePolling } from '../run'
import { workflowJsonSchema } from '../schema'
import { settingsPage } from '../settings-page'
import { describeRun, listRuns, reportFile } from '../status'
import { presetLines, sweepInput, trialLines } from '../sweep'
import { print } from '../terminal'
import { exitWith } from './exit-code'
import { choiceArgument, choiceOption, numberOption } from './options'

const PRIORITY = "priority of the run's stages among those that wait for a worker: 1 (first) to 5 (last)"
const PRESETS = Object.keys(sweepPresets)
const PRIORITIES = { from: 1, to: 5 }

export function addRunCommands(program: Command): void {
  addRun(program)
  addSweep(program)
  program
    .command('schema [workflow]')
    .description('print the input of a workflow as JSON Schema')
    .option('--markdown', 'print the settings of all workflows as a page instead')
    .action((name: string | undefined, { markdown }: { markdown?: boolean }) => print(schemaText(name, markdown)))
  program
    .command('status [run]')
    .description('list the latest runs, or show the stages and results of one')
    .action((id?: string) =>
      withConnection(async (connection) =>
        (id === undefined ? await listRuns(connection) : await describeRun(connection, id)).forEach(print),
      ),
    )
  program
    .command('resolve <run>')
    .addArgument(choiceArgument('<action>', 'retry, skip or abort', RESOLUTION_ACTIONS))
    .description('continue a run whose stage is parked; <action> is retry, skip or abort')
    .option(
      '--overrides <file|json>',
      'with retry: fields of the stage to change, e.g. {"labeler": {"baseUrl": "http://127.0.0.1:8000/v1"}}',
    )
    .action((id: string, action: string, { overrides }: { overrides?: string }) =>
      withConnection(async (connection) =>
        print(await resolveRun(connection, id, action, readInput(overrides, '--overrides'))),
      ),
    )
  program
    .command('report <run>')
    .description('print the path of the report of a finished run')
    .option('--open', 'open the report in the browser as well')
    .action((id: string, { open }: { open?: boolean }) =>
      withConnection(async (connection) => {
        const file = await reportFile(connection, id)
        print(file)
        if (open) await openInBrowser(file)
      }),
    )
}

function schemaText(name: string | undefined, markdown = false): string {
  if (markdown) return settingsPage().trimEnd()
  if (name === undefined) throw new InvalidInput('schema: name a workflow, or use --markdown for all of them')
  return JSON.stringify(workflowJsonSchema(workflowName(name)), null, 2)
}

interface RunFlags {
  input?: string
  id?: string
  detach?: boolean
  priority?: number
}

function addRun(program: Command): void {
  program
    .command('run <workflow>')
    .description(
      'start a workflow and show its progress; <workflow> is align, compare, sweep, miniature, humanEvaluation, ' +
        'labelStudy, or a single stage: sft, sample, label, rewardModel, rl, evaluate, report',
    )
    .option('--input <file|json>', 'input of the workflow: a JSON file, JSON text, or - for standard input')
    .option('--id <id>', 'workflow id; if a run with this id is in progress, that run is shown')
    .addOption(numberOption('--priority <1-5>', `${PRIORITY}; default: 3`, PRIORITIES))
    .option('--detach', 'start the run and return at once')
    .action(async (name: string, flags: RunFlags) => exitWith(await run(name, flags)))
}

interface SweepFlags extends RunFlags {
  preset?: string
  presets?: boolean
  dryRun?: boolean
}

function addSweep(program: Command): void {
  program
    .command('sweep')
    .description('start a sweep and show its progress')
    .addOption(choiceOption('--preset <name>', 'preset to start from: a study of the paper', PRESETS))
    .option('--presets', 'list the presets and start nothing')
    .option(
      '--input <file|json>',
      "input of the sweep, which replaces fields of the preset's: a JSON file, JSON text, or - for standard input",
    )
    .option('--dry-run', 'list the trials and start nothing')
    .option('--id <id>', 'workflow id; if a sweep with this id is in progress, that sweep is shown')
    .addOption(numberOption('--priority <1-5>', PRIORITY, PRIORITIES, 4))
    .option('--detach', 'start the sweep and return at once')
    .action(async ({ preset, presets, dryRun, ...flags }: SweepFlags) => {
      if (presets) return presetLines().forEach(print)
      const input = sweepInput(preset, readInput(flags.input))
      if (dryRun) return trialLines(input).forEach(print)
      exitWith(await run('sweep', flags, input))
    })
}

/** Starts a run and follows it, unless it is detached. @returns the exit code */
async function run(name: string, flags: RunFlags, input = readInput(flags.input)): Promise<number> {
  const workflow = workflowName(name)
  const { priority } = flags
  checkInput(workflow, input)
  return withConnection(async (connection) => {
    if (!(await workersArePolling(connection))) print('No worker is up yet; the run waits for one (`rlaif up`).')
    const handle = await startRun(connection, workflow, {
      id: flags.id ?? newId(workflow),
      input,
      ...(priority !== undefined && { priority }),
    })
    print(`Started  ${handle.workflowId}`)
    if (flags.detach) return 0
    process.on('SIGINT', () => {
      print(`\nThe run continues; \`rlaif status ${handle.workflowId}\` shows it.`)
      process.exit(exitCode('interrupted'))
    })
    return (await watchRun(connection, handle)) ? 0 : 1
  })
}
