// The input of a run: JSON text, a file, or standard input.
import { existsSync, readFileSync } from 'node:fs'
import { InvalidInput } from '../contracts/parse'
import { workflowSchemas, type WorkflowName } from '../contracts/workflow-inputs'
import { parseGivenJson } from '../runs/given-json'
import { readTextFile } from '../runs/system-fault'

/**
 * @param given JSON, the path of a JSON file, "-" for standard input, or nothing; comments are left out
 * @param flag whose value it is
 */
export function readInput(given: string | undefined, flag = '--input'): unknown {
  if (given === undefined) return undefined
  const isJson = given.trimStart().startsWith('{')
  if (!isJson && given !== '-' && !existsSync(given))
    throw new InvalidInput(`${flag} got "${given}", which is neither JSON that starts with "{" nor an existing file`)
  const text = isJson ? given : given === '-' ? readFileSync(0, 'utf8') : readTextFile(given)
  return parseGivenJson(text, isJson ? flag : `${flag} file ${given}`)
}

export function workflowName(given: string): WorkflowName {
  if (Object.hasOwn(workflowSchemas, given)) return given as WorkflowName
  throw new InvalidInput(`there is no workflow "${given}"; there are ${Object.keys(workflowSchemas).join(', ')}`)
}
