// `rlaif model`: bringing models to this machine.
import { cpSync, existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { InvalidInput } from '../contracts/parse'

/** Finds, imports or downloads `spec`; with `folder`, puts a copy there. @returns where the model is */
export async function importModel(spec: string, folder?: string): Promise<string> {
  if (folder !== undefined && existsSync(folder)) throw new InvalidInput(`model: ${resolve(folder)} exists already; name a new folder`)
  const { locateModel } = await import('../model/locate.js')
  const { checkModelFolder } = await import('../model/folder.js')
  const found = await locateModel(spec)
  checkModelFolder(found)
  if (folder === undefined) return found
  cpSync(found, folder, { recursive: true, dereference: true })
  return resolve(folder)
}
