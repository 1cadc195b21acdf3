// What a person reads of settings that do not fit and of clusters that lack something, each made for real; and that a
// parked stage goes on once that is mended.
import { mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { basename, dirname, join } from 'node:path'
import { endedByInterrupt } from '../../../chaos/interrupt.mjs'
import { engineAt, resultOf, started, TOKEN, trainingOf, until } from './site.mjs'

const require = createRequire(import.meta.url)
const { rayCommands, startRay } = require('../../../chaos/ray-nodes.cjs')

export async function faults(given) {
  await wrongAddress(given)
  await unevenBatch(given)
  await refusedToken(given)
  await missingPackage(given)
  await tooLarge(given)
}

/** Runs a training that must park; checks what it says, mends it and checks that it then runs. */
async function mended({ site, check }, what, { input, says, mend }) {
  const id = what.replace(/\W+/g, '-')
  await started(site, 'sft', id, { ...input, onFailure: 'wait' })
  const handle = site.client.workflow.getHandle(id)
  const parkedStage = async () => (await handle.query('status')).stages.find(({ state }) => state === 'parked')
  const parked = await until(parkedStage, 1800)
  check(what, parked !== undefined && says.test(parked.message), parked?.message ?? 'it did not park')
  if (!parked) return handle.terminate()
  const overrides = await mend()
  await handle.executeUpdate('resolveFailure', { args: [{ action: 'retry', ...(overrides && { overrides }) }] })
  const hasEnded = async () => (await handle.describe()).status.name !== 'RUNNING'
  const stopped = await until(async () => (await parkedStage()) ?? (await hasEnded()), 1800)
  const { value, failed } =
    stopped === true ? await resultOf(site, id) : { failed: stopped?.message ?? 'it did not end' }
  check(`${what}: mended by resolveFailure${overrides ? ` ${JSON.stringify(overrides)}` : ''}`, Boolean(value), failed)
  if (!value) return handle.terminate()
}

const wrongAddress = (given) =>
  mended(given, 'an address where nobody answers', {
    input: trainingOf(5, given.ray.address, { engine: engineAt('http://127.0.0.1:9') }),
    says: /does not answer.*engine\.ray\.address/,
    mend: () => ({ engine: { ray: { address: given.ray.address } } }),
  })

const unevenBatch = (given) =>
  mended(given, 'workers that cannot share a batch', {
    input: trainingOf(6, given.ray.address, { engine: engineAt(given.ray.address, { workers: 3 }) }),
    says: /multiple of.*workers/,
    mend: () => ({ engine: { ray: { workers: 2 } } }),
  })

/** A cluster with a token; the worker has another one, and then that of the cluster. */
async function refusedToken(given) {
  const environment = { RAY_AUTH_MODE: 'token', RAY_AUTH_TOKEN: process.env[TOKEN.right] }
  await on({ environment }, (ray) =>
    mended(given, 'a cluster that refuses the token', {
      input: trainingOf(7, ray.address, { engine: engineAt(ray.address, { tokenEnv: TOKEN.wrong }) }),
      says: /refused the token.*tokenEnv/,
      mend: () => ({ engine: { ray: { tokenEnv: TOKEN.right } } }),
    }),
  )
}

/** A cluster whose Python has everything but TRL; then it is installed there. */
async function missingPackage(given) {
  const { commands, installTrl } = pythonWithoutTrl(join(given.folder, 'python-without-trl'))
  await on({ commands }, (ray) =>
    mended(given, 'a cluster without TRL', {
      input: trainingOf(8, ray.address),
      says: /lacks the Python package trl: install the packages of engines\/ray\/requirements\.lock/,
      mend: () => void installTrl(),
    }),
  )
}

/** The engine's Python, by links to all that is installed in it but TRL. @returns its folder of commands */
function pythonWithoutTrl(folder) {
  const engine = dirname(rayCommands())
  const lib = join(engine, 'lib', readdirSync(join(engine, 'lib'))[0])
  const packages = join(folder, 'lib', basename(lib), 'site-packages')
  mkdirSync(packages, { recursive: true })
  mkdirSync(join(folder, 'bin'))
  const link = (name) => symlinkSync(join(lib, 'site-packages', name), join(packages, name))
  const all = readdirSync(join(lib, 'site-packages'))
  const isTrl = (name) => /^trl\b/.test(name)
  all.filter((name) => !isTrl(name)).forEach(link)
  symlinkSync(join(engine, 'pyvenv.cfg'), join(folder, 'pyvenv.cfg'))
  symlinkSync(join(engine, 'bin', 'python'), join(folder, 'bin', 'python'))
  const ray = `#!${join(folder, 'bin', 'python')}\nfrom ray.scripts.scripts import main\nmain()\n`
  writeFileSync(join(folder, 'bin', 'ray'), ray, { mode: 0o755 })
  return { commands: join(folder, 'bin'), installTrl: () => all.filter(isTrl).forEach(link) }
}

const GB = 1e9

/** A cluster whose processes may have 6 GB each, and the default model with batches that need more. */
async function tooLarge(given) {
  const long = 'The cat sits on the keyboard whenever I write, and nobody knows what to do about it. '.repeat(48)
  const file = join(given.folder, 'long.jsonl')
  const row = (i) => JSON.stringify({ prompt: `${i}: ${long}`, reference: 'A cat disturbs the writing.' })
  writeFileSync(file, Array.from({ length: 10 }, (_, i) => row(i)).join('\n'))
  await on({ memory: 6 * GB }, (ray) =>
    mended(given, 'a model that does not fit', {
      input: {
        ...{ model: 'default', data: { path: file, evaluationPrompts: 2 }, limits: { promptTokens: 1000 } },
        sft: { epochs: 1, batchSize: 8, microBatchSize: 8 },
        engine: engineAt(ray.address, { workers: 1 }),
      },
      says: /does not fit into the memory of a worker: set microBatchSize to a smaller value/,
      mend: () => ({ sft: { microBatchSize: 1, recompute: true } }),
    }),
  )
}

/** With a cluster of one node besides that of the site. */
async function on(settings, work) {
  const ray = await startRay({ nodes: 0, cpus: 2, ...settings })
  const close = endedByInterrupt(() => ray.close())
  try {
    await work(ray)
  } finally {
    await close()
  }
}
