// `rlaif model`: importing and downloading models.
import { cpSync, existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { InvalidInput } from '../contracts/parse'
import { worldModels } from '../world/named'

const megabytes = (bytes: number) => (bytes / 1e6).toFixed(0)

function showBytes(done: number, total: number): void {
  if (process.stderr.isTTY)
    process.stderr.write(`\rdownloading ${megabytes(done)} of ${megabytes(total)} MB${done === total ? '\n' : ''}`)
}

/** Finds, imports or downloads `spec`; with `folder`, copies it there. @returns the model's folder */
export async function importModel(spec: string, folder?: string): Promise<string> {
  if (folder !== undefined && existsSync(folder))
    throw new InvalidInput(`model: ${resolve(folder)} already exists; name a new folder`)
  const { locateModel } = await import('../model/locate.js')
  const { checkModelFolder } = await import('../model/folder.js')
  const found = await locateModel(spec, { onBytes: showBytes, made: worldModels })
  checkModelFolder(found)
  if (folder === undefined) return found
  cpSync(found, folder, { recursive: true, dereference: true })
  return resolve(folder)
}
