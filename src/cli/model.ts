// `rlaif model`: bringing models to this machine.
import { cpSync, existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { InvalidInput } from '../contracts/parse'
import { worldModels } from '../world/named'

const MEGABYTE = 1e6

function showBytes(done: number, total: number): void {
  if (process.stderr.isTTY)
    process.stderr.write(
      `\rdownloading ${(done / MEGABYTE).toFixed(0)} of ${(total / MEGABYTE).toFixed(0)} MB${done === total ? '\n' : ''}`,
    )
}

/** Finds, imports or downloads `spec`; with `folder`, puts a copy there. @returns where the model is */
export async function importModel(spec: string, folder?: string): Promise<string> {
  if (folder !== undefined && existsSync(folder))
    throw new InvalidInput(`model: ${resolve(folder)} exists already; name a new folder`)
  const { locateModel } = await import('../model/locate.js')
  const { checkModelFolder } = await import('../model/folder.js')
  const found = await locateModel(spec, { onBytes: showBytes, made: worldModels })
  checkModelFolder(found)
  if (folder === undefined) return found
  cpSync(found, folder, { recursive: true, dereference: true })
  return resolve(folder)
}
