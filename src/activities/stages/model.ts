// Stage `model`: turns whatever model the user named into a checked Hugging Face folder in the store.
import { constants, copyFileSync, mkdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { InvalidInput } from '../../contracts/parse'
import type { StageInput } from '../../contracts/stages'
import { ChangedWhileRead, fileDigest, refuseChanged, sha256Name } from '../../digest'
import { withFile } from '../../given-path'
import { writeTemplateSettings } from '../../model/chat-template'
import { checkAnyFolder, checkModelFolder, modelDigest, modelFiles } from '../../model/folder'
import type { OnBytes } from '../../hub/models'
import { isReadAsItIs, locateModel } from '../../model/locate'
import { policyFolders, withAdapters } from '../../model/policy'
import { loadTokenizer } from '../../model/tokenizer'
import { loadModel, saveModel } from '../../model/weights'
import { worldModels } from '../../world/named'
import type { Stage, StageHost } from '../stage'

export const model: Stage<'model'> = {
  async run({ spec, from, template, families }, host) {
    const check = families === 'any' ? checkAnyFolder : checkModelFolder
    const { folder, adapters } = from
      ? await policyFolders(from, host.open)
      : { folder: await located({ spec, families }, host), adapters: [] }
    asInput(() => check(folder)) // before anything is copied: messages name the folder that was given
    if (adapters.length > 0) asInput(() => saveModel(withAdapters(loadModel(folder), adapters), host.output, folder))
    const names = adapters.length > 0 ? [] : modelFiles(folder)
    for (const [i, name] of names.entries()) {
      const copy = join(host.output, name)
      mkdirSync(dirname(copy), { recursive: true })
      await withFile(join(folder, name), folder, ({ path }) => copyFileSync(path, copy, constants.COPYFILE_FICLONE))
      host.report({ phase: 'copying', done: i + 1, total: names.length, unit: 'files' })
    }
    if (!from && isReadAsItIs(spec))
      refuseChanged(`model: ${spec}`, host.sources.model, sha256Name(await modelDigest(host.output, fileDigest)))
    if (template) writeTemplateSettings(host.output, template)
    asInput(() => loadTokenizer(host.output))
    return { model: spec, parameters: asInput(() => check(host.output)) }
  },
}

/** A defect of a local model is permanent; a download may succeed the next time. */
async function located(
  { spec, families }: Pick<StageInput<'model'>, 'spec' | 'families'>,
  host: StageHost,
): Promise<string> {
  const onBytes: OnBytes = (done, total) => host.report({ phase: 'downloading', done, total, unit: 'bytes' })
  try {
    return await locateModel(spec, { onBytes, made: worldModels, source: host.sources.model, families })
  } catch (error) {
    if (spec.startsWith('hf:') || error instanceof ChangedWhileRead) throw error
    throw new InvalidInput(`field "model" got "${spec}": ${(error as Error).message}`, { cause: error })
  }
}

/** A folder that is no model of ours is permanent. */
function asInput<T>(check: () => T): T {
  try {
    return check()
  } catch (error) {
    throw new InvalidInput((error as Error).message, { cause: error })
  }
}
