// `rlaif world`: data, an untrained policy and the annotators of the miniature world.
import { createWriteStream, existsSync } from 'node:fs'
import { pipeline } from 'node:stream/promises'
import { InvalidInput } from '../contracts/parse'
import { readTask, taskFolder } from '../data/task'
import { ANNOTATORS } from '../world/annotator'
import { worldRows, type WorldData } from '../world/data'
import { annotatorsUrl, openAnnotators } from '../world/endpoint'
import { madeWhole } from './made-whole'
import { untilStopped } from './until-stopped'
import { counted } from '../number-format'

const instruction = () => readTask(taskFolder('summarization')).instruction!

/**
 * Writes rows for the setting "data" of a run: prompts, imperfect references, and pairs that simulated people compared.
 */
export async function writeWorldData(file: string, kind: WorldData, rows: number, seed: number): Promise<string> {
  const lines = function* () {
    for (const row of worldRows(kind, rows, seed, instruction())) yield `${JSON.stringify(row)}\n`
  }
  await madeWhole(file, (staging) => pipeline(lines, createWriteStream(staging)))
  return `${counted(rows, 'row')} of ${kind} of seed ${seed} in ${file}`
}

/** Writes the policy before any training. */
export async function writeUntrainedPolicy(folder: string, seed: number): Promise<string> {
  if (existsSync(folder)) throw new InvalidInput(`world: ${folder} already exists; name a new folder`)
  const { writeWorldModel } = await import('../world/policy.js') // loads TensorFlow
  await madeWhole(folder, (staging) => writeWorldModel(staging, seed, instruction()))
  return `an untrained policy of the world in ${folder}`
}

export async function serveAnnotators(port: number, print: (line: string) => void): Promise<number> {
  const server = await openAnnotators(port).catch((error: Error) => {
    throw new InvalidInput(`world: port ${port} cannot be used: ${error.message}; choose another with --port`)
  })
  const labeler = `{"baseUrl": "${annotatorsUrl(server)}", "model": "L"}`
  print(`Annotators ${Object.keys(ANNOTATORS).join(', ')}; as a labeler: ${labeler}`)
  await untilStopped()
  server.close()
  server.closeAllConnections()
  return 0
}
