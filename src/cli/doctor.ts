// `rlaif doctor`: checks what is installed on this machine and which device it computes on.
import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, statfsSync } from 'node:fs'
import { availableParallelism, totalmem } from 'node:os'
import { join } from 'node:path'
import { bucketUri, storeFolder } from '../artifacts/open-store'
import { installedFolder } from '../cache-folder'
import type { Device } from '../model/device'
import { homeFolder } from '../workers/home'
import { PAYLOAD_KEYS } from '../workers/payload-encryption'
import { configuredServer, localServer } from '../workers/temporal'
import { answers, findTemporal } from './dev-server'
import { runningServer } from './server-record'

const GIB = 1024 ** 3
/** What a run of the default model needs. */
const NEEDED_GIB = 5

interface Finding {
  ok: boolean
  what: string
  message: string
}

/** Runs in a process of its own: a native part that fails to load can end its process. */
function device(): Finding {
  const module = JSON.stringify(join(__dirname, '..', 'model', 'device.js'))
  const script = `JSON.stringify(require(${module}).describeDevice())`
  const { status, stdout, stderr } = spawnSync(process.execPath, ['-p', script], { encoding: 'utf8' })
  if (status !== 0)
    return {
      ok: false,
      what: 'device',
      message: `TensorFlow.js does not load: ${errorLineOf(stderr.trim())}; run \`npm run setup\``,
    }
  const { device, tensorflow, why } = JSON.parse(stdout) as Device
  return { ok: true, what: 'device', message: `${device} (${why}), TensorFlow ${tensorflow}` }
}

const errorLineOf = (output: string): string => output.split('\n').find((line) => /error/i.test(line)) ?? output

function temporal(): Finding {
  const command = findTemporal()
  if (!command)
    return {
      ok: Boolean(process.env.TEMPORAL_ADDRESS),
      what: 'temporal',
      message: 'the `temporal` command is not installed; run `npm run setup` or set TEMPORAL_ADDRESS',
    }
  return {
    ok: true,
    what: 'temporal',
    message: `${execFileSync(command, ['--version'], { encoding: 'utf8' }).trim()} (${command})`,
  }
}

async function server(): Promise<Finding> {
  const running = runningServer(homeFolder())
  const server = configuredServer() ?? (running && localServer(running.address))
  if (!server) return { ok: true, what: 'server', message: 'not running; start one with `npm start` or `rlaif up`' }
  const { address, tls, apiKey } = server.connection
  const details = [tls ? 'TLS' : '', apiKey ? 'API key' : '', process.env[PAYLOAD_KEYS] ? 'encrypted payloads' : '']
    .filter(Boolean)
    .join(', ')
  const up = await answers(server)
  return {
    ok: up,
    what: 'server',
    message: up
      ? `${address} answers, namespace ${server.namespace}${details && `, ${details}`}`
      : `${address} does not answer`,
  }
}

async function store(): Promise<Finding> {
  const uri = bucketUri()
  if (uri === undefined) return { ok: true, what: 'store', message: storeFolder(homeFolder()) }
  try {
    const { openBucket } = await import('../artifacts/bucket.js')
    await openBucket(uri).read('doctor')
    return { ok: true, what: 'store', message: `${uri} answers` }
  } catch (error) {
    return { ok: false, what: 'store', message: (error as Error).message }
  }
}

function defaultModel(): Finding {
  const folder = join(installedFolder(), 'models', 'smollm2-135m-instruct')
  const ok = existsSync(join(folder, 'config.json'))
  return {
    ok,
    what: 'default model',
    message: ok ? `SmolLM2-135M-Instruct (${folder})` : 'not imported; run `npm run setup`',
  }
}

function machine(): Finding[] {
  const { bavail, bsize } = statfsSync(existsSync(homeFolder()) ? homeFolder() : '.')
  const free = (bavail * bsize) / GIB
  return [
    { ok: true, what: 'node', message: `${process.versions.node} on ${process.platform} ${process.arch}` },
    {
      ok: true,
      what: 'machine',
      message: `${availableParallelism()} cores, ${(totalmem() / GIB).toFixed(1)} GiB of memory`,
    },
    {
      ok: free > NEEDED_GIB,
      what: 'disk',
      message:
        `${free.toFixed(0)} GiB free for ${homeFolder()}` +
        (free > NEEDED_GIB ? '' : `; a run of the default model needs about ${NEEDED_GIB}`),
    },
  ]
}

/** Prints a line for each finding. @returns whether all of them are good */
export async function doctor(print: (line: string) => void): Promise<boolean> {
  const findings = [...machine(), device(), temporal(), await server(), await store(), defaultModel()]
  for (const { ok, what, message } of findings) print(`${ok ? '✓' : '✗'} ${what.padEnd(14)} ${message}`)
  return findings.every(({ ok }) => ok)
}
