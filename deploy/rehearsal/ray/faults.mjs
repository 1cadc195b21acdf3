// What a person reads of settings that do not fit, and of a cluster that lacks something; and that a parked stage is mended
// by an override.
import { createRequire } from 'node:module'
import { engineAt, resultOf, started, trainingOf, until } from './site.mjs'

const require = createRequire(import.meta.url)
const { startRay } = require('../../../chaos/ray-nodes.cjs')

export async function faults(given) {
  await addresses(given)
  await refusedToken(given)
}

/** Runs a training that must fail, and checks what it says. */
async function says({ site, check }, what, input, pattern) {
  const id = what.replace(/\W+/g, '-')
  await started(site, 'sft', id, input)
  const { failed = 'it ran' } = await resultOf(site, id)
  check(what, pattern.test(failed), failed)
}

async function addresses(given) {
  const { site, ray, check } = given
  const on = (engine) => trainingOf(5, ray.address, { engine })
  const nobody = `http://127.0.0.1:9`
  await says(given, 'an address where nobody answers', on(engineAt(nobody)), /does not answer.*engine\.ray\.address/)
  const uneven = on(engineAt(ray.address, { workers: 3 }))
  await says(given, 'workers that cannot share a batch', uneven, /multiple of.*workers/)
  await started(site, 'sft', 'mended', trainingOf(6, ray.address, { engine: engineAt(nobody), onFailure: 'wait' }))
  const handle = site.client.workflow.getHandle('mended')
  const isParked = async () => (await handle.query('status')).stages.some(({ state }) => state === 'parked')
  const parked = await until(isParked, 300)
  const overrides = { engine: { ray: { address: ray.address } } }
  await handle.executeUpdate('resolveFailure', { args: [{ action: 'retry', overrides }] })
  const { value, failed } = await resultOf(site, 'mended')
  check('a parked stage is mended by resolveFailure', parked === true && value !== undefined, failed)
}

async function refusedToken(given) {
  const guarded = await startRay({
    nodes: 0,
    environment: { RAY_AUTH_MODE: 'token', RAY_AUTH_TOKEN: 'a-token-of-the-rehearsal-0123456789abcdef' },
  })
  try {
    await says(given, 'a cluster that wants a token', trainingOf(8, guarded.address), /wants a token.*tokenEnv/)
  } finally {
    guarded.close()
  }
}
