// What a stage reads from outside the store, by content: part of its key in place of the names in its input, and of its
// manifest. Looked up in the worker before finished work is taken from the store; the child reads the same or fails.
// Loads no TensorFlow.js.
import type { Sources } from '../artifacts/store'
import { isEndpoint, membersOf, WORLD } from '../contracts/labeler-settings'
import { InvalidInput } from '../contracts/parse'
import type { LabelerInput, StageInput, StageName } from '../contracts/stages'
import { isParquet, rowsSource } from '../data/source'
import { guidanceOf, readTask, taskFolder, taskText } from '../data/task'
import { digestOf, sha256Name } from '../digest'
import { modelSource } from '../model/locate'
import { worldAnnotators, worldData, worldModels } from '../world/named'

/** How a stage looks at what its input names outside the store. */
interface Look<N extends StageName> {
  sources(input: StageInput<N>): Promise<Sources>
  /** The rest of the input: what its sources do not stand for. */
  withoutNames(input: StageInput<N>): object
}

const model: Look<'model'> = {
  sources: async ({ spec, from }) => (from ? {} : { model: await sourceOf(spec) }),
  withoutNames: ({ spec: _, ...rest }) => rest,
}

/** A defect of a local model is permanent; a look-up on the Hub may succeed the next time. */
async function sourceOf(spec: string): Promise<string> {
  try {
    return await modelSource(spec, worldModels)
  } catch (error) {
    if (spec.startsWith('hf:')) throw error
    throw new InvalidInput(`field "model" got "${spec}": ${(error as Error).message}`, { cause: error })
  }
}

const data: Look<'data'> = {
  async sources({ task: name, data: { path }, seed }) {
    const folder = taskFolder(name)
    const task = readTask(folder)
    const within = path === undefined ? folder : undefined
    const options = { generated: worldData, seed, instruction: task.instruction ?? '', within }
    return { task: sha256Name(digestOf(taskText(task))), data: await rowsSource(path ?? task.prompts, options) }
  },
  withoutNames: ({ task: _, data: { path, ...settings }, ...rest }) => ({
    ...rest,
    data: { ...settings, isParquet: path !== undefined && isParquet(path) },
  }),
}

const guidance: Look<'guidance'> = {
  sources: ({ task }) => {
    const text = JSON.stringify(guidanceOf(readTask(taskFolder(task))), null, 2)
    return Promise.resolve({ task: sha256Name(digestOf(text)) })
  },
  withoutNames: ({ task: _, ...rest }) => rest,
}

const ROLES = ['labeler', 'judge', 'watch'] as const
/** The annotators of the world, which a stage asks under a name; what another endpoint serves cannot be known. */
function annotators(input: Partial<Record<(typeof ROLES)[number], LabelerInput>>): Sources {
  const roles = ROLES.filter((role) => {
    const asked = input[role] ? membersOf(input[role].settings) : []
    return asked.some((settings) => isEndpoint(settings) && settings.baseUrl === WORLD)
  })
  return Object.fromEntries(roles.map((role) => [role, `${WORLD}#${worldAnnotators.fingerprint()}`]))
}

/** What a stage reads from outside the store, and its input with that in place of the names, for its key. */
export async function readSources(stage: StageName, input: object): Promise<{ sources: Sources; keyed: object }> {
  const look = { model, data, guidance }[stage as string] as Look<StageName> | undefined
  const sources = look ? await look.sources(input as never) : annotators(input)
  const rest = look ? look.withoutNames(input as never) : input
  return { sources, keyed: Object.keys(sources).length > 0 ? { ...rest, sources } : rest }
}
