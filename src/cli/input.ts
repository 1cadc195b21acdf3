// The input of a run: JSON text, a file, or standard input.
import { existsSync, readFileSync } from 'node:fs'
import { InvalidInput, parse } from '../contracts/parse'
import type { SweepInput } from '../contracts/sweep'
import { armsOf, type CompareInput } from '../contracts/compare-input'
import { trialsOf } from '../contracts/sweep-trials'
import { workflowSchemas, type WorkflowName } from '../contracts/workflow-inputs'
import { withoutMark } from '../text-file'

/** @param given JSON, the path of a JSON file, "-" for standard input, or nothing */
export function readInput(given: string | undefined): unknown {
  if (given === undefined) return undefined
  const isJson = given.trimStart().startsWith('{')
  if (!isJson && given !== '-' && !existsSync(given))
    throw new InvalidInput(`--input got "${given}", which is neither JSON that starts with "{" nor an existing file`)
  const text = isJson ? given : withoutMark(readFileSync(given === '-' ? 0 : given, 'utf8'))
  try {
    return JSON.parse(text)
  } catch (error) {
    throw new InvalidInput(`--input ${isJson ? '' : `file ${given} `}is not JSON: ${(error as Error).message}`, {
      cause: error,
    })
  }
}

export function workflowName(given: string): WorkflowName {
  if (Object.hasOwn(workflowSchemas, given)) return given as WorkflowName
  throw new InvalidInput(`there is no workflow "${given}"; there are ${Object.keys(workflowSchemas).join(', ')}`)
}

/** Refuses bad input before a run is started; the workflow checks it again. @throws InvalidInput */
export function checkInput(workflow: WorkflowName, input: unknown): void {
  const parsed = parse(workflowSchemas[workflow], input, workflow)
  if (workflow === 'compare') armsOf(parsed as CompareInput)
  if (workflow === 'sweep') trialsOf(parsed as SweepInput)
}
