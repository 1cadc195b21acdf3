// `rlaif world`: data of the miniature world, and its annotators as an endpoint.
import { createWriteStream, existsSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { once } from 'node:events'
import { InvalidInput } from '../contracts/parse'
import { readTask, taskFolder } from '../data/task'
import { ANNOTATORS } from '../world/annotator'
import { worldRow } from '../world/data'
import { openAnnotators } from '../world/endpoint'
import { untilStopped } from './house'

/** Writes rows that `"data"` of a run takes: posts, imperfect references, and pairs that the simulated people compared. */
export async function writeWorldData(file: string, rows: number, seed: number): Promise<string> {
  if (!Number.isInteger(rows) || rows < 1) throw new InvalidInput(`world: --rows got "${rows}"; it is a number of posts`)
  const out = createWriteStream(file)
  for (let i = 0; i < rows; i++) if (!out.write(`${JSON.stringify(worldRow(seed, i))}\n`)) await once(out, 'drain')
  out.end()
  await once(out, 'finish')
  return `${rows} posts of seed ${seed} in ${file}`
}

/** Writes the policy before any training. */
export async function writeUntrainedPolicy(folder: string, seed: number): Promise<string> {
  if (existsSync(folder)) throw new InvalidInput(`world: ${folder} is there already; name a new folder`)
  const { writeWorldModel } = await import('../world/policy.js') // loads TensorFlow
  return `an untrained policy of the world in ${writeWorldModel(folder, seed, readTask(taskFolder('summarization')).instruction!)}`
}

export async function serveAnnotators(port: number, print: (line: string) => void): Promise<number> {
  const server = await openAnnotators(port).catch((error: Error) => {
    throw new InvalidInput(`world: port ${port} cannot be used: ${error.message}; choose another with --port`)
  })
  const baseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`
  print(`Annotators ${Object.keys(ANNOTATORS).join(', ')}; as a labeler: {"baseUrl": "${baseUrl}", "model": "L"}`)
  await untilStopped()
  server.close()
  server.closeAllConnections()
  return 0
}
