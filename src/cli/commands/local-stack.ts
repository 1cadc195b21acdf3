// Commands that set a machine up and keep processes running on it.
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import type { Command } from 'commander'
import { exitCode } from '../../contracts/exit-codes'
import { doctor, findingLine } from '../doctor'
import { print, printJson } from '../terminal'
import { untilStopped } from '../until-stopped'
import { exitWith } from './exit-code'
import { jsonOption, choiceOption, portOption } from './options'

const METRICS_OPEN = 'let other machines read the metrics without the token of RLAIF_METRICS_TOKEN'
const SETUP = join(__dirname, '..', '..', '..', 'setup', 'main.mjs')

/** With the worker's part of Temporal's SDK, which takes a third of a second to load. */
const withWorkers = () => import('../start.js')

export function addLocalStackCommands(program: Command): void {
  program
    .command('start')
    .description('start the Temporal server and workers and run the quickstart; on a terminal they stay up afterwards')
    .action(async () => exitWith(await (await withWorkers()).start()))
  program
    .command('up')
    .description('start the Temporal server, its UI and workers on this machine, until Ctrl-C')
    .option('--metrics <address>', 'address to serve GET /metrics for Prometheus on, e.g. 127.0.0.1:9464')
    .option('--metrics-open', METRICS_OPEN)
    .action(async (flags: { metrics?: string; metricsOpen?: boolean }) =>
      exitWith(await (await withWorkers()).up(flags)),
    )
  addWorker(program)
  addCodecServer(program)
  program
    .command('setup')
    .description(
      'download and build what is missing on this machine: TensorFlow, the Temporal server, the default model',
    )
    .addOption(choiceOption('--engine <name>', 'ray: Ray, PyTorch and TRL as well; default: tfjs', ['tfjs', 'ray']))
    .action(({ engine }: { engine?: string }) => {
      const options = engine === undefined ? [] : ['--engine', engine]
      exitWith(spawnSync(process.execPath, [SETUP, ...options], { stdio: 'inherit' }).status ?? 1)
    })
  program
    .command('doctor')
    .description('check this machine: versions, memory and disk, device, Temporal server, store, default model')
    .addOption(jsonOption())
    .action(async ({ json }: { json?: boolean }) => {
      const findings = await doctor()
      const ok = findings.every((finding) => finding.ok)
      if (json) printJson('doctor', { ok, findings })
      else findings.map(findingLine).forEach(print)
      exitWith(exitCode(ok ? 'done' : 'failed'))
    })
}

interface WorkerFlags {
  roles: string
  healthPort?: number
  metrics?: string
  metricsOpen?: boolean
  gpuQueue: string
}

function addWorker(program: Command): void {
  program
    .command('worker')
    .description('run workers for the Temporal server at TEMPORAL_ADDRESS')
    .option('--roles <list>', 'comma-separated roles of the workers: workflow, label, gpu', 'workflow,label,gpu')
    .addOption(
      portOption(
        '--health-port <port>',
        'local port to serve GET /healthz on: 200 while every worker is running, else 503',
      ),
    )
    .option('--metrics <address>', 'address to serve GET /metrics for Prometheus on, e.g. 0.0.0.0:9464')
    .option('--metrics-open', METRICS_OPEN)
    .option(
      '--gpu-queue <name>',
      'task queue of the gpu role, e.g. one per class of device; a run names it as {"queues": {"gpu": "…"}}',
      'rlaif-gpu',
    )
    .action(async ({ roles, healthPort, metrics, metricsOpen, gpuQueue }: WorkerFlags) => {
      const { parseRoles, worker } = await import('../worker.js')
      exitWith(
        await worker(parseRoles(roles), {
          gpuQueue,
          ...(healthPort !== undefined && { healthPort }),
          ...(metrics !== undefined && { metrics }),
          ...(metricsOpen !== undefined && { metricsOpen }),
        }),
      )
    })
}

function addCodecServer(program: Command): void {
  program
    .command('codec-server')
    .description(
      'decrypt encrypted payloads for the Temporal UI; there, click the glasses at the top right, choose ' +
        '"Use my browser setting", and set the endpoint to http://127.0.0.1:8888',
    )
    .addOption(portOption('--port <port>', 'local port to listen on', 8888))
    .option(
      '--ui <url>',
      'address of the Temporal UI; requests from any other page are refused',
      'http://127.0.0.1:8233',
    )
    .action(async ({ port, ui }: { port: number; ui: string }) => {
      const { CODEC_TOKEN, startCodecServer } = await import('../codec-server.js')
      const stopped = untilStopped()
      const server = await startCodecServer({ port, ui })
      const token = process.env[CODEC_TOKEN] ? `/$${CODEC_TOKEN}` : ''
      print(`Codec server http://127.0.0.1:${port}${token} for ${ui}. Ctrl-C ends it.`)
      await stopped
      server.close()
    })
}
