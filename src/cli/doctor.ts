// `rlaif doctor`: checks what is installed on this machine, which device it computes on and how fast.
import { execFileSync } from 'node:child_process'
import { existsSync, statfsSync } from 'node:fs'
import { availableParallelism, totalmem } from 'node:os'
import { join } from 'node:path'
import { bucketUri, storeFolder } from '../artifacts/open-store'
import { installedFolder } from '../cache-folder'
import { setupCommand } from '../installation'
import type { PrecisionSpeed } from '../model/precision-speed'
import { existingFolder, homeFault, homeFolder, homeReason } from '../workers/home'
import { PAYLOAD_KEYS } from '../workers/payload-encryption'
import { configuredServer, localServer } from '../workers/temporal'
import { answers, findTemporal } from './dev-server'
import { checkDevice, hasHalfPrecision } from './device-check'
import { otherHomes } from '../runs/other-homes'
import { runningServer } from '../runs/server-record'
import { formatNumber } from '../number-format'

const GIB = 1024 ** 3
/** What a run of the default model needs. */
const NEEDED_GIB = 5

interface Finding {
  ok: boolean
  what: string
  message: string
}

/** What this machine computes on and how fast, or why it does not compute. */
function computing(): Finding[] {
  const found = checkDevice()
  if ('failed' in found)
    return [
      {
        ok: false,
        what: 'device',
        message: `TensorFlow.js does not load: ${errorLineOf(found.failed.trim())}; run \`${setupCommand()}\``,
      },
    ]
  const { device, tensorflow, why, functions } = found
  return [
    { ok: true, what: 'device', message: `${device} (${why}), TensorFlow ${tensorflow}` },
    { ok: true, what: 'precision', message: precisionMessage(found) },
    {
      ok: functions,
      what: 'native part',
      message: functions
        ? "a block of a model in bfloat16 runs as one call of TensorFlow's"
        : `operations run one by one, which is slower: the native part is not that of set-up; run \`${setupCommand()}\``,
    },
  ]
}

const precisionMessage = (speed: PrecisionSpeed): string =>
  `matrix products in bfloat16 are ${formatNumber(speed.bfloat16, 1)} times as fast as in float32` +
  (hasHalfPrecision(speed) ? '' : ': this processor has no instructions for it; set "precision": "float32"')

const errorLineOf = (output: string): string => output.split('\n').find((line) => /error/i.test(line)) ?? output

function temporal(): Finding {
  const command = findTemporal()
  if (!command)
    return {
      ok: Boolean(process.env.TEMPORAL_ADDRESS),
      what: 'temporal',
      message: `the \`temporal\` command is not installed; run \`${setupCommand()}\` or set TEMPORAL_ADDRESS`,
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
  if (!server) return { ok: true, what: 'server', message: `not running${ofOthers()}; start one with \`rlaif up\`` }
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
      : `${address} does not answer; ${configuredServer() ? 'start it, or correct TEMPORAL_ADDRESS' : RESTART}`,
  }
}

const RESTART = 'end `rlaif up` and start it again'

const ofOthers = (): string => {
  const homes = otherHomes(homeFolder()).map(({ home, address }) => `${home} has one at ${address}`)
  return homes.length > 0 ? ` for this home, but ${homes.join(', ')}` : ''
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
    message: ok ? `SmolLM2-135M-Instruct (${folder})` : `not imported; run \`${setupCommand()}\``,
  }
}

function machine(): Finding[] {
  const fault = homeFault()
  return [
    { ok: true, what: 'node', message: `${process.versions.node} on ${process.platform} ${process.arch}` },
    {
      ok: true,
      what: 'machine',
      message: `${availableParallelism()} cores, ${formatNumber(totalmem() / GIB, 1)} GiB of memory`,
    },
    { ok: fault === undefined, what: 'home', message: fault ?? `${homeFolder()}, ${homeReason()}` },
    disk(),
  ]
}

function disk(): Finding {
  const { bavail, bsize } = statfsSync(existingFolder(homeFolder()))
  const free = (bavail * bsize) / GIB
  const ok = free > NEEDED_GIB
  const remedy = `a run of the default model needs about ${NEEDED_GIB}: free some space, or set RLAIF_HOME to a larger disk`
  return {
    ok,
    what: 'disk',
    message: `${formatNumber(free, 0)} GiB free for ${homeFolder()}${ok ? '' : `; ${remedy}`}`,
  }
}

/** What is good on this machine, and what is not. */
export const doctor = async (): Promise<Finding[]> => [
  ...machine(),
  ...computing(),
  temporal(),
  await server(),
  await store(),
  defaultModel(),
]

export const findingLine = ({ ok, what, message }: Finding): string => `${ok ? '✓' : '✗'} ${what.padEnd(14)} ${message}`
