#!/usr/bin/env node
// The `rlaif` command.
import { Command } from 'commander'
import { InvalidInput } from '../contracts/parse'
import { version } from '../version'
import { homeFolder } from '../workers/home'
import { collectGarbage } from './artifacts'
import { connect, type Connected } from './connection'
import { doctor } from './doctor'
import { reasonOf } from './failure'
import { checkInput, readInput, workflowName } from './input'
import { openInBrowser } from './browser'
import { importModel } from './model'
import { showPrompt } from './prompt'
import { resolveRun } from './resolve'
import { newId, seeThrough, startRun, workersArePolling } from './run'
import { workflowJsonSchema } from './schema'
import { start, up } from './start'
import { serveRatings } from './rate'
import { exportRatings, importRatings, labelingConfig, ratingsFormat } from './ratings'
import { describeRun, listRuns, reportFile } from './status'
import { parseRoles, worker } from './worker'

const print = (line: string) => void process.stdout.write(`${line}\n`)

async function connected<T>(use: (connection: Connected) => Promise<T>): Promise<T> {
  const connection = await connect(homeFolder())
  try {
    return await use(connection)
  } finally {
    await connection.close()
  }
}

interface RunFlags {
  input?: string
  id?: string
  detach?: boolean
  priority?: string
}

function parsePriority(given: string | undefined): number | undefined {
  if (given === undefined) return undefined
  if (!/^[1-5]$/.test(given)) throw new InvalidInput(`--priority got "${given}"; it is 1 (first) to 5 (last), 3 without it`)
  return Number(given)
}

async function run(name: string, flags: RunFlags): Promise<number> {
  const workflow = workflowName(name)
  const input = readInput(flags.input)
  const priority = parsePriority(flags.priority)
  checkInput(workflow, input)
  return connected(async (connection) => {
    if (!(await workersArePolling(connection))) print('No worker is up yet: the run waits for one (`rlaif up`).')
    const handle = await startRun(connection, workflow, { id: flags.id ?? newId(workflow), input, ...(priority !== undefined && { priority }) })
    print(`Started  ${handle.workflowId}`)
    if (flags.detach) return 0
    process.on('SIGINT', () => {
      print(`\nThe run goes on; \`rlaif status ${handle.workflowId}\` shows it.`)
      process.exit(130)
    })
    return (await seeThrough(connection, handle)) ? 0 : 1
  })
}

const EXAMPLES = `
Examples:
  rlaif up                                         server, UI and workers on this machine
  rlaif run align                                  a whole run with the quickstart's defaults
  rlaif run align --input '{"task": "harmless", "method": "direct-rlaif"}'
  rlaif run align --input settings.json --detach
  rlaif run labelStudy --input '{"task": "harmless", "data": "hh-harmless-base.jsonl.gz"}'
  rlaif run compare --input '{"base": {"task": "harmless", "data": "hh-harmless-base.jsonl.gz"}}'
  rlaif run humanEvaluation --detach --id people --input '{"contest": "file:///…/store/contest/…", "raters": ["anna", "ben", "cleo"]}'
  rlaif rate people                                the rating page, and each rater's link
  rlaif prompt show --input '{"labeler": {"model": "default", "preamble": "detailed"}}' --row 3
  rlaif status                                     the latest runs
  rlaif resolve align-20260101120000 retry         go on from a stage that failed for good
  rlaif report align-20260101120000 --open         the report of a run
  rlaif artifacts gc --older-than 14               what could be removed from the store; --yes removes it
  rlaif model import hf:HuggingFaceTB/SmolLM2-135M-Instruct ./smollm2

Environment:
  RLAIF_HOME         artifacts, logs and the local server's database (./.rlaif)
  RLAIF_CACHE        downloads and imported models (~/.cache/rlaif)
  TEMPORAL_ADDRESS   a Temporal server to use instead of a local one; TEMPORAL_NAMESPACE beside it`

const program = new Command('rlaif').description('Reinforcement learning from AI feedback as durable workflows.').version(version).addHelpText('after', EXAMPLES)
const exitWith = (code: number) => void (process.exitCode = code)

program.command('start').description('server, workers and the quickstart run; stays up on a terminal').action(async () => exitWith(await start()))
program.command('up').description('server, UI and workers on this machine until Ctrl-C').action(async () => exitWith(await up()))
program
  .command('worker')
  .description('workers for the Temporal server at TEMPORAL_ADDRESS')
  .option('--roles <list>', 'workflow, label, gpu; comma-separated', 'workflow,label,gpu')
  .option('--health-port <port>', 'answer GET /healthz there: 200 while every worker takes work')
  .action(async ({ roles, healthPort }: { roles: string; healthPort?: string }) => exitWith(await worker(parseRoles(roles), healthPort === undefined ? undefined : Number(healthPort))))
program
  .command('run <workflow>')
  .description('start a workflow and show its progress: align, compare, humanEvaluation, labelStudy, or one stage: sft, sample, label, rewardModel, rl, evaluate, report')
  .option('--input <file|json>', 'its input: a JSON file, JSON, or - for standard input')
  .option('--id <id>', 'workflow id; a run that goes on under it is joined')
  .option('--priority <1-5>', 'which of the stages that wait for a worker goes first: 1 before 5; 3 without it')
  .option('--detach', 'start it and return')
  .action(async (name: string, flags: RunFlags) => exitWith(await run(name, flags)))
program
  .command('status [run]')
  .description('the latest runs, or how one stands')
  .action((id?: string) => connected(async (connection) => (id === undefined ? await listRuns(connection) : await describeRun(connection, id)).forEach(print)))
program
  .command('resolve <run> <action>')
  .description('go on from a parked stage: retry, skip or abort')
  .option('--overrides <file|json>', 'of retry: fields laid over the stage\'s, e.g. {"labeler": {"baseUrl": "http://127.0.0.1:8000/v1"}}')
  .action((id: string, action: string, { overrides }: { overrides?: string }) => connected(async (connection) => print(await resolveRun(connection, id, action, readInput(overrides)))))
program
  .command('report <run>')
  .description('where the report of a finished run is')
  .option('--open', 'and show it in the browser')
  .action((id: string, { open }: { open?: boolean }) =>
    connected(async (connection) => {
      const file = await reportFile(connection, id)
      print(file)
      if (open) await openInBrowser(file)
    }),
  )
program
  .command('rate <run>')
  .description('serve the rating page of a human evaluation and print each rater\'s link')
  .option('--port <port>', 'where', '8300')
  .option('--host <address>', 'on which address; others than this machine need one they reach, and should reach it by TLS', '127.0.0.1')
  .action((id: string, { port, host }: { port: string; host: string }) => connected(async (connection) => exitWith(await serveRatings(connection, id, { port: Number(port), host, home: homeFolder() }, print))))

const ratings = program.command('ratings').description('items and ratings of a human evaluation as files')
ratings
  .command('export <run>')
  .description('to standard output')
  .option('--format <format>', 'jsonl, or label-studio: tasks with annotations', 'jsonl')
  .action((id: string, { format }: { format: string }) => connected(async (connection) => void process.stdout.write(await exportRatings(connection, id, ratingsFormat(format)))))
ratings
  .command('config <run>')
  .description('the labeling interface for Label Studio')
  .action((id: string) => connected(async (connection) => void process.stdout.write(await labelingConfig(connection, id))))
ratings
  .command('import <run> <file>')
  .description('JSONL, or what Label Studio exports as JSON; a rating that is there already is replaced')
  .action((id: string, file: string) =>
    connected(async (connection) => {
      const taken = await importRatings(connection, id, file, (done, total) => process.stderr.write(`\r${done} of ${total} `))
      print(`${taken} ratings are in ${id}`)
    }),
  )
program.command('doctor').description('what is installed, which device, which versions').action(async () => exitWith((await doctor(print)) ? 0 : 1))

program
  .command('schema <workflow>')
  .description('the input of a workflow as JSON Schema')
  .action((name: string) => print(JSON.stringify(workflowJsonSchema(workflowName(name)), null, 2)))

const prompt = program.command('prompt').description('what labelers are asked')
prompt
  .command('show')
  .description('exactly what the labeler would be sent for a row of the data, with its length in tokens')
  .option('--input <file|json>', 'as of align: task, data, seed and labeler are used')
  .option('--row <i>', 'which row', '0')
  .action(async ({ input, row }: { input?: string; row: string }) => print(await showPrompt(readInput(input), Number(row))))

const artifacts = program.command('artifacts').description('the artifact store of this machine')
artifacts
  .command('gc')
  .description('what no report rests on and nothing has touched for long; without --yes it is only listed')
  .option('--older-than <days>', 'younger ones are left alone', '30')
  .option('--yes', 'remove them')
  .action(({ olderThan, yes }: { olderThan: string; yes?: boolean }) => collectGarbage(homeFolder(), Number(olderThan), yes ?? false).forEach(print))

const model = program.command('model').description('models on this machine')
model
  .command('import <model> [folder]')
  .description('"default", a .gguf file, a folder or hf:owner/name[@revision]; [folder] gets a copy')
  .action(async (spec: string, folder?: string) => print(await importModel(spec, folder)))
model
  .command('download <model> [folder]')
  .description('hf:owner/name[@revision] from the Hugging Face Hub')
  .action(async (spec: string, folder?: string) => print(await importModel(spec.startsWith('hf:') ? spec : `hf:${spec}`, folder)))

program.parseAsync().then(
  () => process.exit(),
  (error: unknown) => {
    process.stderr.write(`rlaif: ${reasonOf(error)}\n`)
    process.exit(2)
  },
)
