#!/usr/bin/env node
// The `rlaif` command.
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { Command } from 'commander'
import { InvalidInput } from '../contracts/parse'
import { version } from '../version'
import { homeFolder } from '../workers/home'
import { collectGarbage } from './artifacts'
import { startCodecServer } from './codec-server'
import { connect, type Connected } from './connection'
import { doctor } from './doctor'
import { plainText, reasonOf } from './failure'
import { checkInput, readInput, workflowName } from './input'
import { openInBrowser } from './browser'
import { importModel } from './model'
import { showPrompt } from './prompt'
import { resolveRun } from './resolve'
import { newId, seeThrough, startRun, workersArePolling } from './run'
import { workflowJsonSchema } from './schema'
import { start, up } from './start'
import { untilStopped } from './local-stack'
import { serveRatings } from './rate'
import { serveReward, REWARD_TOKEN, type ServeRewardFlags } from './serve-reward'
import { exportRatings, importRatings, labelingConfig, ratingsFormat } from './ratings'
import {
  applySchedule,
  backfillSchedule,
  deleteSchedule,
  describeSchedule,
  listSchedules,
  pauseSchedule,
  readDeclarations,
  triggerSchedule,
  type BackfillFlags,
} from './schedule'
import { describeRun, listRuns, reportFile } from './status'
import { presetLines, sweepInput, trialLines } from './sweep'
import { parseRoles, worker } from './worker'
import { serveAnnotators, writeUntrainedPolicy, writeWorldData } from './world'

const print = (line: string) => void process.stdout.write(`${plainText(line)}\n`)

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
  if (!/^[1-5]$/.test(given))
    throw new InvalidInput(`--priority got "${given}"; it is 1 (first) to 5 (last), 3 without it`)
  return Number(given)
}

async function run(name: string, flags: RunFlags, input = readInput(flags.input)): Promise<number> {
  const workflow = workflowName(name)
  const priority = parsePriority(flags.priority)
  checkInput(workflow, input)
  return connected(async (connection) => {
    if (!(await workersArePolling(connection))) print('No worker is up yet: the run waits for one (`rlaif up`).')
    const handle = await startRun(connection, workflow, {
      id: flags.id ?? newId(workflow),
      input,
      ...(priority !== undefined && { priority }),
    })
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
  rlaif sweep --preset kl-weight --dry-run         the trials of a sweep; --presets lists the studies of the paper
  rlaif sweep --preset labelling-techniques --input '{"base": {"task": "harmless", "data": "hh-harmless-base.jsonl.gz"}}'
  rlaif run miniature --input '{"size": "quick"}'   the paper's claims in a small world whose truth is known
  rlaif schedule apply schedules/nightly-ablation.json    a sweep every night
  rlaif schedule backfill nightly-ablation --from 2026-11-20 --to 2026-11-24    nights gone by; --yes starts them
  rlaif prompt show --input '{"labeler": {"model": "default", "preamble": "detailed"}}' --row 3
  rlaif status                                     the latest runs
  rlaif resolve align-20260101120000 retry         go on from a stage that failed for good
  rlaif report align-20260101120000 --open         the report of a run
  rlaif artifacts gc --older-than 14               what could be removed from the store; --yes removes it
  rlaif model import hf:HuggingFaceTB/SmolLM2-135M-Instruct ./smollm2

  RLAIF_REWARD_TOKEN=… rlaif serve-reward --host 0.0.0.0 --input '{"task": "summarization", "labeler": {"baseUrl": "…", "model": "…"}}'

Environment:
  RLAIF_HOME         artifacts, logs and the local server's database (./.rlaif)
  RLAIF_CACHE        downloads and imported models (~/.cache/rlaif)
  TEMPORAL_ADDRESS   a Temporal server to use instead of a local one; beside it TEMPORAL_NAMESPACE, TEMPORAL_API_KEY, TEMPORAL_TLS_…, or
                     TEMPORAL_PROFILE of a configuration file, as Temporal's own tools read them
  RLAIF_PAYLOAD_KEYS name:key,…: encrypts what Temporal stores; the first key encrypts, all decrypt`

const program = new Command('rlaif')
  .description('Reinforcement learning from AI feedback as durable workflows.')
  .version(version)
  .addHelpText('after', EXAMPLES)
const exitWith = (code: number) => void (process.exitCode = code)

program
  .command('start')
  .description('server, workers and the quickstart run; stays up on a terminal')
  .action(async () => exitWith(await start()))
program
  .command('up')
  .description('server, UI and workers on this machine until Ctrl-C')
  .option('--metrics <address>', 'answer GET /metrics for Prometheus there, e.g. 127.0.0.1:9464')
  .action(async ({ metrics }: { metrics?: string }) => exitWith(await up(metrics)))
program
  .command('worker')
  .description('workers for the Temporal server at TEMPORAL_ADDRESS')
  .option('--roles <list>', 'workflow, label, gpu; comma-separated', 'workflow,label,gpu')
  .option('--health-port <port>', 'answer GET /healthz there: 200 while every worker takes work')
  .option('--metrics <address>', 'answer GET /metrics for Prometheus there, e.g. 0.0.0.0:9464')
  .option(
    '--gpu-queue <name>',
    'task queue of the gpu role, for devices of a class: runs ask for it by {"queues": {"gpu": …}}',
    'rlaif-gpu',
  )
  .action(
    async ({
      roles,
      healthPort,
      metrics,
      gpuQueue,
    }: {
      roles: string
      healthPort?: string
      metrics?: string
      gpuQueue: string
    }) =>
      exitWith(
        await worker(parseRoles(roles), {
          gpuQueue,
          ...(healthPort !== undefined && { healthPort: Number(healthPort) }),
          ...(metrics !== undefined && { metrics }),
        }),
      ),
  )
program
  .command('run <workflow>')
  .description(
    'start a workflow and show its progress: align, compare, sweep, miniature, humanEvaluation, labelStudy, or one stage: sft, sample, label, rewardModel, rl, evaluate, report',
  )
  .option('--input <file|json>', 'its input: a JSON file, JSON, or - for standard input')
  .option('--id <id>', 'workflow id; a run that goes on under it is joined')
  .option('--priority <1-5>', 'which of the stages that wait for a worker goes first: 1 before 5; 3 without it')
  .option('--detach', 'start it and return')
  .action(async (name: string, flags: RunFlags) => exitWith(await run(name, flags)))
program
  .command('sweep')
  .description('start a sweep and show its progress')
  .option('--preset <name>', 'a study of the paper')
  .option('--presets', 'list them')
  .option('--input <file|json>', "the input of sweep, laid over the preset's")
  .option('--dry-run', 'only list the trials')
  .option('--id <id>', 'workflow id; a sweep that goes on under it is joined')
  .option('--priority <1-5>', 'as of run', '4')
  .option('--detach', 'start it and return')
  .action(
    async ({
      preset,
      presets,
      dryRun,
      ...flags
    }: RunFlags & { preset?: string; presets?: boolean; dryRun?: boolean }) => {
      if (presets) return presetLines().forEach(print)
      const input = sweepInput(preset, readInput(flags.input))
      if (dryRun) return trialLines(input).forEach(print)
      exitWith(await run('sweep', flags, input))
    },
  )

const schedule = program.command('schedule').description('runs that start by the clock')
schedule
  .command('apply <files...>')
  .description('make schedules what these files, or the .json files of these folders, declare')
  .option('--dry-run', 'only tell what would change')
  .action((files: string[], { dryRun }: { dryRun?: boolean }) =>
    connected(async (connection) => {
      for (const declaration of readDeclarations(files))
        print(`${declaration.id}: ${dryRun ? 'would be ' : ''}${await applySchedule(connection, declaration, dryRun)}`)
    }),
  )
schedule
  .command('list')
  .description('all of them')
  .action(() => connected(async (connection) => (await listSchedules(connection)).forEach(print)))
schedule
  .command('describe <schedule>')
  .description('when it runs next, and what it ran')
  .action((id: string) => connected(async (connection) => (await describeSchedule(connection, id)).forEach(print)))
schedule
  .command('pause <schedule>')
  .description('nothing starts until unpause')
  .option('--note <text>', 'why')
  .action((id: string, { note }: { note?: string }) =>
    connected(async (connection) => print(await pauseSchedule(connection, id, true, note))),
  )
schedule
  .command('unpause <schedule>')
  .description('active again')
  .option('--note <text>', 'why')
  .action((id: string, { note }: { note?: string }) =>
    connected(async (connection) => print(await pauseSchedule(connection, id, false, note))),
  )
schedule
  .command('trigger <schedule>')
  .description('a run now, beside those by the clock')
  .action((id: string) => connected(async (connection) => print(await triggerSchedule(connection, id))))
schedule
  .command('backfill <schedule>')
  .description('runs for times gone by; without --yes they are only listed')
  .requiredOption('--from <time>', 'from then on')
  .requiredOption('--to <time>', 'until then')
  .option('--overlap <policy>', 'skip, bufferOne, bufferAll (one after the other) or allowAll', 'bufferAll')
  .option('--yes', 'start them')
  .action((id: string, flags: BackfillFlags) =>
    connected(async (connection) => (await backfillSchedule(connection, id, flags)).forEach(print)),
  )
schedule
  .command('delete <schedule>')
  .description('its runs and reports stay')
  .option('--yes', 'delete it')
  .action((id: string, { yes }: { yes?: boolean }) =>
    connected(async (connection) => print(await deleteSchedule(connection, id, yes ?? false))),
  )

program
  .command('status [run]')
  .description('the latest runs, or how one stands')
  .action((id?: string) =>
    connected(async (connection) =>
      (id === undefined ? await listRuns(connection) : await describeRun(connection, id)).forEach(print),
    ),
  )
program
  .command('resolve <run> <action>')
  .description('go on from a parked stage: retry, skip or abort')
  .option(
    '--overrides <file|json>',
    'of retry: fields laid over the stage\'s, e.g. {"labeler": {"baseUrl": "http://127.0.0.1:8000/v1"}}',
  )
  .action((id: string, action: string, { overrides }: { overrides?: string }) =>
    connected(async (connection) => print(await resolveRun(connection, id, action, readInput(overrides)))),
  )
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
  .description("serve the rating page of a human evaluation and print each rater's link")
  .option('--port <port>', 'where', '8300')
  .option(
    '--host <address>',
    'on which address; others than this machine need one they reach, and should reach it by TLS',
    '127.0.0.1',
  )
  .action((id: string, { port, host }: { port: string; host: string }) =>
    connected(async (connection) =>
      exitWith(await serveRatings(connection, id, { port: Number(port), host, home: homeFolder() }, print)),
    ),
  )
program
  .command('serve-reward')
  .description("the labeler's direct score over HTTP, as the reward of TRL, OpenRLHF or verl")
  .option('--input <file|json>', 'as of align: task and labeler are used')
  .option('--port <port>', 'where', '8500')
  .option('--host <address>', `on which address; others than this machine need ${REWARD_TOKEN}`, '127.0.0.1')
  .option(
    '--context <prompts|labels>',
    'what the labeler is shown as the post or conversation: the prompts as they come, or the labels beside them',
    'prompts',
  )
  .action(async ({ input, ...flags }: ServeRewardFlags & { input?: string }) => {
    const stopped = untilStopped()
    const { server, service } = await serveReward(readInput(input), flags, homeFolder())
    print(
      `Rewards by ${service.labeler.name} for ${service.task.name}: POST http://${flags.host}:${flags.port}/get_reward${service.token === undefined ? '' : `, with the token of ${REWARD_TOKEN}`}. Ctrl-C ends it.`,
    )
    await stopped
    server.closeAllConnections()
    server.close()
  })

const ratings = program.command('ratings').description('items and ratings of a human evaluation as files')
ratings
  .command('export <run>')
  .description('to standard output')
  .option('--format <format>', 'jsonl, or label-studio: tasks with annotations', 'jsonl')
  .action((id: string, { format }: { format: string }) =>
    connected(
      async (connection) => void process.stdout.write(await exportRatings(connection, id, ratingsFormat(format))),
    ),
  )
ratings
  .command('config <run>')
  .description('the labeling interface for Label Studio')
  .action((id: string) =>
    connected(async (connection) => void process.stdout.write(await labelingConfig(connection, id))),
  )
ratings
  .command('import <run> <file>')
  .description('JSONL, or what Label Studio exports as JSON; a rating that is there already is replaced')
  .action((id: string, file: string) =>
    connected(async (connection) => {
      const taken = await importRatings(connection, id, file, (done, total) =>
        process.stderr.write(`\r${done} of ${total} `),
      )
      print(`${taken} ratings are in ${id}`)
    }),
  )
program
  .command('codec-server')
  .description(
    'lets the UI show encrypted payloads: in the UI, the glasses at the top right, remote codec endpoint http://127.0.0.1:8888',
  )
  .option('--port <port>', 'on this machine', '8888')
  .option('--ui <url>', 'address of the UI, whose pages alone may ask', 'http://127.0.0.1:8233')
  .action(async ({ port, ui }: { port: string; ui: string }) => {
    const stopped = untilStopped()
    const server = await startCodecServer({ port: Number(port), ui })
    print(`Codec server http://127.0.0.1:${port} for ${ui}. Ctrl-C ends it.`)
    await stopped
    server.close()
  })
program
  .command('setup')
  .description('fetch and build what is missing on this machine: TensorFlow, the Temporal server, the default model')
  .action(() =>
    exitWith(
      spawnSync(process.execPath, [join(__dirname, '..', '..', 'setup', 'main.mjs')], { stdio: 'inherit' }).status ?? 1,
    ),
  )
program
  .command('doctor')
  .description('what is installed, which device, which versions')
  .action(async () => exitWith((await doctor(print)) ? 0 : 1))

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
  .action(async ({ input, row }: { input?: string; row: string }) =>
    print(await showPrompt(readInput(input), Number(row))),
  )

const artifacts = program
  .command('artifacts')
  .description('the artifact store: of this machine, or the bucket RLAIF_STORE and the copies here')
artifacts
  .command('gc')
  .description('what no report rests on and nothing has touched for long; without --yes it is only listed')
  .option('--older-than <days>', 'younger ones are left alone', '30')
  .option('--yes', 'remove them')
  .action(async ({ olderThan, yes }: { olderThan: string; yes?: boolean }) =>
    (await collectGarbage(homeFolder(), Number(olderThan), yes ?? false)).forEach(print),
  )

const world = program
  .command('world')
  .description('the miniature world: texts whose true quality is known, and simulated annotators of them')
world
  .command('data <file>')
  .description('rows for "data" of a run: prompts, imperfect references, pairs that the simulated people compared')
  .option('--kind <name>', 'summaries, dialogues, or pretraining', 'summaries')
  .option('--rows <n>', 'how many', '1000')
  .option('--seed <n>', 'which', '1')
  .action(async (file: string, { kind, rows, seed }: { kind: string; rows: string; seed: string }) =>
    print(await writeWorldData(file, kind, Number(rows), Number(seed))),
  )
world
  .command('model <folder>')
  .description(
    "an untrained policy of 1.3 million weights, its tokenizer made of the world's words; \`sft\` teaches it the rest",
  )
  .option('--seed <n>', 'of its first weights', '1')
  .action(async (folder: string, { seed }: { seed: string }) => print(await writeUntrainedPolicy(folder, Number(seed))))
world
  .command('annotators')
  .description("the annotators as an OpenAI-compatible endpoint; the model's name is the annotator's")
  .option('--port <port>', 'where, on the loopback interface', '8600')
  .action(async ({ port }: { port: string }) => exitWith(await serveAnnotators(Number(port), print)))

const model = program.command('model').description('models on this machine')
model
  .command('import <model> [folder]')
  .description('"default", a .gguf file, a folder or hf:owner/name[@revision]; [folder] gets a copy')
  .action(async (spec: string, folder?: string) => print(await importModel(spec, folder)))
model
  .command('download <model> [folder]')
  .description('hf:owner/name[@revision] from the Hugging Face Hub')
  .action(async (spec: string, folder?: string) =>
    print(await importModel(spec.startsWith('hf:') ? spec : `hf:${spec}`, folder)),
  )

program.parseAsync().then(
  () => process.exit(),
  (error: unknown) => {
    process.stderr.write(`rlaif: ${plainText(reasonOf(error))}\n`)
    process.exit(2)
  },
)
