// Stage `model`: turns whatever model the user named into a checked Hugging Face folder in the store.
import { constants, copyFileSync, mkdirSync, readdirSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { InvalidInput } from '../../contracts/parse'
import { writeTemplateSettings } from '../../model/chat-template'
import { checkModelFolder, MODEL_FILE } from '../../model/folder'
import type { OnBytes } from '../../hub/models'
import { locateModel } from '../../model/locate'
import { loadTokenizer } from '../../model/tokenizer'
import { worldModels } from '../../world/named'
import type { Stage } from '../stage'

export const model: Stage<'model'> = {
  async run({ spec, from, template }, host) {
    const folder = from
      ? await host.open(from)
      : await located(spec, (done, total) => host.report({ phase: 'downloading', done, total, unit: 'bytes' }))
    const names = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter(
      (name) => MODEL_FILE.test(name) && statSync(join(folder, name)).isFile(),
    )
    names.forEach((name, i) => {
      mkdirSync(dirname(join(host.output, name)), { recursive: true })
      copyFileSync(join(folder, name), join(host.output, name), constants.COPYFILE_FICLONE)
      host.report({ phase: 'copying', done: i + 1, total: names.length, unit: 'files' })
    })
    if (template) writeTemplateSettings(host.output, template)
    return { model: spec, parameters: checked(host.output) }
  },
}

/** A defect of a local model is permanent; a download may succeed the next time. */
async function located(spec: string, onBytes: OnBytes): Promise<string> {
  try {
    return await locateModel(spec, { onBytes, made: worldModels })
  } catch (error) {
    if (spec.startsWith('hf:')) throw error
    throw new InvalidInput(`field "model" got "${spec}": ${(error as Error).message}`, { cause: error })
  }
}

function checked(folder: string): number {
  try {
    loadTokenizer(folder)
    return checkModelFolder(folder)
  } catch (error) {
    throw new InvalidInput((error as Error).message, { cause: error })
  }
}
