// Commands that start runs and look after them.
import type { WorkflowHandle } from '@temporalio/client'
import type { Command } from 'commander'
import { commandOutputs, type CommandWithOutput, type TrialsOutput } from '../../contracts/command-output'
import { exitCode } from '../../contracts/exit-codes'
import { InvalidInput } from '../../contracts/parse'
import { RESOLUTION_ACTIONS } from '../../contracts/resolution'
import { sweepPresets } from '../../contracts/sweep-presets'
import { withConnection, type Connected } from '../../runs/connection'
import { checkInput } from '../../runs/check-input'
import { plannedTrials } from '../../runs/planned-trials'
import { readInput, workflowName } from '../input'
import { resolveRun } from '../../runs/resolve'
import { overridesWithOwnPaths, refuseMissing, withOwnPaths } from '../own-paths'
import { pollersOf } from '../../runs/pollers'
import { newId, startRun } from '../../runs/start-run'
import { viewOf } from '../../runs/run-view'
import { workflowJsonSchema } from '../../contracts/json-schema'
import { outputJsonSchema, scriptingPage } from '../scripting-page'
import { settingsPage } from '../settings-page'
import { presetLines, sweepInput, trialLines } from '../sweep'
import { print, printAside, printJson } from '../terminal'
import { watchRun } from '../watch'
import { exitWith } from './exit-code'
import { choiceArgument, choiceOption, jsonOption, numberOption } from './options'

const PRIORITY = "priority of the run's stages among those that wait for a worker: 1 (first) to 5 (last)"
const PRESETS = Object.keys(sweepPresets)
const PRIORITIES = { from: 1, to: 5 }

export function addRunCommands(program: Command): void {
  addRun(program)
  addSweep(program)
  program
    .command('schema [workflow]')
    .description('print the input of a workflow, or the JSON that a command prints, as JSON Schema')
    .option('--output [command]', 'instead of an input: what this command prints with --json, e.g. "schedule list"')
    .option('--markdown', 'print the settings of all workflows, or with --output all that scripts need, as a page')
    .action((name: string | undefined, flags: SchemaFlags) => print(schemaText(name, flags)))
  program
    .command('resolve <run>')
    .addArgument(choiceArgument('<action>', 'retry, skip or abort', RESOLUTION_ACTIONS))
    .description('continue a run whose stage is parked; <action> is retry, skip or abort')
    .option(
      '--overrides <file|json>',
      'with retry: fields of the stage to change, e.g. {"labeler": {"baseUrl": "http://127.0.0.1:8000/v1"}}',
    )
    .addOption(jsonOption())
    .action((id: string, action: string, { overrides, json }: { overrides?: string; json?: boolean }) =>
      withConnection(async (connection) => {
        const given = overridesWithOwnPaths(readInput(overrides, '--overrides'), overrides)
        const answer = await resolveRun(connection, id, action, given)
        if (json) printJson('resolve', { id, answer })
        else print(`${id}: ${answer}`)
      }),
    )
}

interface SchemaFlags {
  output?: string | true
  markdown?: boolean
}

function schemaText(name: string | undefined, { output, markdown }: SchemaFlags): string {
  if (markdown) return (output ? scriptingPage() : settingsPage()).trimEnd()
  if (output) return JSON.stringify(outputJsonSchema(commandWithOutput(output)), null, 2)
  if (name === undefined) throw new InvalidInput('schema: name a workflow, or use --markdown for all of them')
  return JSON.stringify(workflowJsonSchema(workflowName(name)), null, 2)
}

function commandWithOutput(given: string | true): CommandWithOutput {
  if (given !== true && Object.hasOwn(commandOutputs, given)) return given as CommandWithOutput
  const got = given === true ? 'is without a command' : `got "${given}"`
  throw new InvalidInput(`--output ${got}; there are ${Object.keys(commandOutputs).join(', ')}`)
}

interface RunFlags {
  input?: string
  id?: string
  detach?: boolean
  json?: boolean
  priority?: number
}

function addRun(program: Command): void {
  program
    .command('run <workflow>')
    .description(
      'start a workflow and show its progress; <workflow> is align, compare, rounds, sweep, miniature, humanEvaluation, ' +
        'labelStudy, or a single stage: sft, sample, label, rewardModel, dpo, onlineDpo, rl, evaluate, report',
    )
    .option('--input <file|json>', 'input of the workflow: a JSON file, JSON text, or - for standard input')
    .option(
      '--id <id>',
      'workflow ID; a run in progress with this ID and the same input is shown instead of started again',
    )
    .addOption(numberOption('--priority <1-5>', `${PRIORITY}; default: 3`, PRIORITIES))
    .option('--detach', 'start the run and return at once')
    .addOption(jsonOption())
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
    .option(
      '--id <id>',
      'workflow ID; a sweep in progress with this ID and the same input is shown instead of started again',
    )
    .addOption(numberOption('--priority <1-5>', PRIORITY, PRIORITIES, 4))
    .option('--detach', 'start the sweep and return at once')
    .addOption(jsonOption())
    .action(async ({ preset, presets, dryRun, ...flags }: SweepFlags) => {
      if (presets) return presetLines().forEach(print)
      const input = sweepInput(preset, readInput(flags.input))
      if (dryRun) return showTrials(plannedTrials(input), flags.json)
      exitWith(await run('sweep', flags, input))
    })
}

/** Starts a run and follows it, unless it is detached. @returns the exit code */
async function run(name: string, flags: RunFlags, given = readInput(flags.input)): Promise<number> {
  const workflow = workflowName(name)
  const { priority } = flags
  checkInput(workflow, given)
  const input = withOwnPaths(workflow, given, flags.input)
  const say = flags.json ? printAside : print
  return withConnection(async (connection) => {
    await refuseMissing(workflow, input, connection)
    const handle = await startRun(connection, workflow, {
      id: flags.id ?? newId(workflow),
      input,
      ...(priority !== undefined && { priority }),
    })
    say(`${handle.joined ? 'Joined  ' : 'Started '} ${handle.workflowId}`)
    if ((await pollersOf(connection.client.workflow)).length === 0)
      say('No worker is up yet; the run waits for one (`rlaif up`).')
    if (flags.detach) return detached(connection, handle, flags)
    process.on('SIGINT', () => {
      say(`\nThe run continues; \`rlaif status ${handle.workflowId}\` shows it.`)
      process.exit(exitCode('interrupted'))
    })
    return watchRun(connection, handle, flags)
  })
}

function showTrials(trials: TrialsOutput, json = false): void {
  if (json) printJson('sweep --dry-run', trials)
  else trialLines(trials).forEach(print)
}

async function detached(connected: Connected, handle: WorkflowHandle, { json }: RunFlags): Promise<number> {
  if (json) printJson('run', (await viewOf(connected, handle)).output)
  return exitCode('done')
}
