// Whether what an input names is there: looked up as stages look it up, but before anything is computed. Weights and rows
// are not read.
import type { GivenName } from '../contracts/given-names'
import { WORLD } from '../contracts/labeler-settings'
import { InvalidInput } from '../contracts/parse'
import { checkRows, rowsSource } from '../data/source'
import { readTask, taskFolder } from '../data/task'
import { PathRefused } from '../given-path'
import { checkHubName, checkModel, modelSource } from '../model/locate'
import { ANNOTATORS } from './annotator'
import { parseWorldPath } from './data'
import { worldModels } from './named'

/** Where names are looked up: the Hub is the worker's to ask, which has its own network and token. */
export type Place = 'the worker' | 'this machine'

/** @throws what a stage would throw that reads the name */
type Check = (name: string, place: Place, given: Pick<GivenName, 'field' | 'families'>) => unknown

const CHECKS: Record<GivenName['kind'], Check> = {
  task: (name) => readTask(taskFolder(name)),
  data(path, place) {
    if (path.startsWith(WORLD)) return parseWorldPath(path)
    if (path.startsWith('hf:')) return place === 'the worker' ? rowsSource(path) : undefined
    return checkRows(path, place)
  },
  model(spec, place, { field, families }) {
    if (spec === 'default') return undefined
    if (spec.startsWith('hf:')) {
      asInput(() => checkHubName(spec), spec, field)
      return place === 'the worker' ? modelSource(spec) : undefined
    }
    return asInput(() => checkModel(spec, worldModels, families), spec, field)
  },
  annotator(name, _, { field }) {
    if (!Object.hasOwn(ANNOTATORS, name))
      throw new InvalidInput(
        `field "${field}" got "${name}"; the annotators of "${WORLD}" are ${Object.keys(ANNOTATORS).join(', ')}`,
      )
  },
  rubric: (task, _, { field }) => refuseWithout('rubric', task, field),
  principles: (task, _, { field }) => refuseWithout('principles', task, field),
  artifact: () => undefined, // the store is asked: activities/check-names.ts
}

function refuseWithout(wanted: 'rubric' | 'principles', task: string, field: string): void {
  if (readTask(taskFolder(task))[wanted] !== undefined) return
  throw new InvalidInput(
    `field "${field}" asks for the ${wanted} of the task ${task}, which has none; add "${wanted}" to its task.json, ` +
      `or remove "${field}"`,
  )
}

function asInput<T>(check: () => T, name: string, field: string): T {
  try {
    return check()
  } catch (error) {
    if (error instanceof PathRefused) throw error
    throw new InvalidInput(`field "${field}" got "${name}": ${(error as Error).message}`, { cause: error })
  }
}

/** Answers of the Hub after which there is nothing to wait for. */
const NOT_ON_HUB = new Set([400, 401, 403, 404])

/** Why a name cannot be used, or undefined: also when it could not be looked up, which its stage will say. */
export async function faultOfName(given: GivenName, place: Place): Promise<string | undefined> {
  const { kind, name, field } = given
  try {
    await CHECKS[kind](name, place, given)
    return undefined
  } catch (error) {
    if (error instanceof PathRefused) return place === 'the worker' ? error.message : undefined // its operator decides
    if (error instanceof InvalidInput) return error.message.replace(/^data: /, '')
    const { message, cause } = error as Error & { cause?: { statusCode?: number } }
    return NOT_ON_HUB.has(cause?.statusCode ?? 0) ? `field "${field}" got "${name}": ${message}` : undefined
  }
}
