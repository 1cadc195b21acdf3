// `rlaif doctor`: what is installed, where, and what it computes on.
import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, statfsSync } from 'node:fs'
import { availableParallelism, totalmem } from 'node:os'
import { join } from 'node:path'
import { bucketUri, storeFolder } from '../artifacts/open-store'
import { cacheFolder } from '../cache-folder'
import type { Device } from '../model/device'
import { homeFolder } from '../workers/home'
import { PAYLOAD_KEYS } from '../workers/payload-encryption'
import { configuredServer, localServer } from '../workers/temporal'
import { answers, findTemporal, runningServer } from './dev-server'

const GIB = 1024 ** 3

interface Finding {
  ok: boolean
  what: string
  says: string
}

/** Asked of a process of its own: a native part that does not load may take its process with it. */
function device(): Finding {
  const script = `JSON.stringify(require(${JSON.stringify(join(__dirname, '..', 'model', 'device.js'))}).describeDevice())`
  const { status, stdout, stderr } = spawnSync(process.execPath, ['-p', script], { encoding: 'utf8' })
  if (status !== 0)
    return {
      ok: false,
      what: 'device',
      says: `TensorFlow.js does not load: ${
        stderr
          .trim()
          .split('\n')
          .find((line) => /error/i.test(line)) ?? stderr.trim()
      }; run \`npm run setup\``,
    }
  const { device, tensorflow, why } = JSON.parse(stdout) as Device
  return { ok: true, what: 'device', says: `${device} (${why}), TensorFlow ${tensorflow}` }
}

function temporal(): Finding {
  const command = findTemporal()
  if (!command)
    return {
      ok: Boolean(process.env.TEMPORAL_ADDRESS),
      what: 'temporal',
      says: 'no `temporal` command; run `npm run setup` or set TEMPORAL_ADDRESS',
    }
  return {
    ok: true,
    what: 'temporal',
    says: `${execFileSync(command, ['--version'], { encoding: 'utf8' }).trim()} (${command})`,
  }
}

async function server(): Promise<Finding> {
  const running = runningServer(homeFolder())
  const server = configuredServer() ?? (running && localServer(running.address))
  if (!server) return { ok: true, what: 'server', says: 'none is running; `npm start` or `rlaif up` starts one' }
  const { address, tls, apiKey } = server.connection
  const how = [tls ? 'TLS' : '', apiKey ? 'API key' : '', process.env[PAYLOAD_KEYS] ? 'encrypted payloads' : '']
    .filter(Boolean)
    .join(', ')
  const up = await answers(server)
  return {
    ok: up,
    what: 'server',
    says: up ? `${address} answers, namespace ${server.namespace}${how && `, ${how}`}` : `${address} does not answer`,
  }
}

async function store(): Promise<Finding> {
  const uri = bucketUri()
  if (uri === undefined) return { ok: true, what: 'store', says: storeFolder(homeFolder()) }
  try {
    const { openBucket } = await import('../artifacts/bucket.js')
    await openBucket(uri).read('doctor')
    return { ok: true, what: 'store', says: `${uri} answers` }
  } catch (error) {
    return { ok: false, what: 'store', says: (error as Error).message }
  }
}

function defaultModel(): Finding {
  const folder = join(cacheFolder(), 'models', 'smollm2-135m-instruct')
  const ok = existsSync(join(folder, 'config.json'))
  return {
    ok,
    what: 'default model',
    says: ok ? `SmolLM2-135M-Instruct (${folder})` : 'not imported; run `npm run setup`',
  }
}

function machine(): Finding[] {
  const { bavail, bsize } = statfsSync(existsSync(homeFolder()) ? homeFolder() : '.')
  const free = (bavail * bsize) / GIB
  return [
    { ok: true, what: 'node', says: `${process.versions.node} on ${process.platform} ${process.arch}` },
    {
      ok: true,
      what: 'machine',
      says: `${availableParallelism()} cores, ${(totalmem() / GIB).toFixed(1)} GiB of memory`,
    },
    {
      ok: free > 5,
      what: 'disk',
      says: `${free.toFixed(0)} GiB free for ${homeFolder()}${free > 5 ? '' : '; a run of the default model needs about 5'}`,
    },
  ]
}

/** One line a finding. @returns whether all is well */
export async function doctor(print: (line: string) => void): Promise<boolean> {
  const findings = [...machine(), device(), temporal(), await server(), await store(), defaultModel()]
  for (const { ok, what, says } of findings) print(`${ok ? '✓' : '✗'} ${what.padEnd(14)} ${says}`)
  return findings.every(({ ok }) => ok)
}
