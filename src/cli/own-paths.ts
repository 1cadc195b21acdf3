// Names in what a person gives to a command: a relative path is the person's own, not the worker's, and what is missing is
// said before anything is started.
import { existsSync, statSync } from 'node:fs'
import { homedir, hostname } from 'node:os'
import { dirname, isAbsolute, join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { mapNames, mapOverrides, namesIn, type GivenName, type MapName } from '../contracts/given-names'
import { InvalidInput, parse } from '../contracts/parse'
import { workflowSchemas, type WorkflowName } from '../contracts/workflow-inputs'
import { isShippedTask } from '../data/task'
import { faultOfName } from '../world/name-faults'
import type { Connected } from '../runs/connection'
import { pollersOf } from '../runs/pollers'

/** Names that are no paths: of the Hub, the miniature world, the store. */
const IS_NO_PATH = /^(hf|world|file|s3):/
const OWN_NAMES = new Set(['default', 'policy'])

/** Where a relative path may lead: from the working directory, then from the folder of the file that has it. */
const placesOf = (given: string | undefined): string[] =>
  given !== undefined && existsSync(given) && statSync(given).isFile() ? ['.', dirname(given)] : ['.']

/** @param places folders that a relative path is looked up in @returns the name, or an absolute path that exists */
function absolute(name: string, places: readonly string[]): string {
  if (IS_NO_PATH.test(name) || isAbsolute(name)) return name
  const inHome = /^~[/\\]/.test(name) ? [join(homedir(), name.slice(2))] : []
  return [...inHome, ...places.map((place) => resolve(place, name))].find((path) => existsSync(path)) ?? name
}

const toOwn =
  (places: readonly string[]): MapName =>
  (kind, name) => {
    if (kind === 'annotator' || kind === 'rubric' || kind === 'principles' || (kind === 'model' && OWN_NAMES.has(name)))
      return name
    if (kind === 'task' && isShippedTask(name)) return name
    if (kind === 'artifact' && !name.includes('/')) return name // the ID of a run, where one may be named
    const path = absolute(name, places)
    return kind === 'artifact' && isAbsolute(path) ? pathToFileURL(path).href : path
  }

/** @param given the option that the input came from: its file's folder is looked in as well */
export const withOwnPaths = (workflow: WorkflowName, input: unknown, given?: string): unknown =>
  mapNames(workflow, input, toOwn(placesOf(given)))

/** The same for the overrides of a parked stage. */
export const overridesWithOwnPaths = (overrides: unknown, given?: string): unknown =>
  mapOverrides(overrides, toOwn(placesOf(given)))

/**
 * Refuses an input that names what is not there, before its run is started; the run looks again where its worker is.
 * @param connected a path on another machine is left to the workers there; without it, every absolute path is
 * @throws InvalidInput that lists every such name
 */
export async function refuseMissing(workflow: WorkflowName, input: unknown, connected?: Connected): Promise<void> {
  const names = namesIn(workflow, parse(workflowSchemas[workflow], input, workflow))
  const isHere = connected !== undefined && (await workersAreHere(connected))
  const faults: string[] = []
  for (const name of names) {
    const fault = isElsewhere(name, isHere) ? undefined : await faultOfName(name, 'this machine')
    if (fault !== undefined) faults.push(isRelative(name) ? `${fault} (looked for in ${process.cwd()})` : fault)
  }
  if (faults.length > 0)
    throw new InvalidInput(
      faults.length === 1
        ? `${workflow}: ${faults[0]!}`
        : `${workflow}:\n${faults.map((one) => `  - ${one}`).join('\n')}`,
    )
}

const isPath = ({ kind, name }: GivenName) => kind !== 'annotator' && !IS_NO_PATH.test(name)
const isRelative = (name: GivenName) => isPath(name) && !isAbsolute(name.name)
/** Whether only a worker on another machine can tell. */
const isElsewhere = (name: GivenName, isHere: boolean) => isPath(name) && isAbsolute(name.name) && !isHere

/** Whether all workers that take a run run on this machine, by the names that they give themselves. */
async function workersAreHere(connected: Connected): Promise<boolean> {
  const pollers = await pollersOf(connected.client.workflow)
  return pollers.length > 0 && pollers.every((identity) => identity.split(' ')[0]!.endsWith(`@${hostname()}`))
}
