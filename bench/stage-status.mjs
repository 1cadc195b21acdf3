// Waiting for a stage of a run at a site (chaos/site.mjs).
const pause = (ms) => new Promise((done) => setTimeout(done, ms))

/** Waits until a stage is in a state. @returns its status */
export async function until(site, name, states) {
  for (;;) {
    const status = await site.client.workflow
      .getHandle('chaos')
      .query('status')
      .catch(() => undefined)
    const found = status?.stages.find(({ stage }) => stage === name)
    if (status?.stages.some(({ state }) => state === 'failed')) throw new Error(JSON.stringify(status.stages))
    if (states.includes(found?.state)) return found
    await pause(200)
  }
}
