// Policies in the store: whole model folders, or adapters, which name the policy that they belong to. An adapter of a few
// megabytes is not written as a copy of its base. Which policy an adapter names: adapter-base.ts.
import type { Precision } from '../contracts/precision'
import type { TemplateSettings } from '../contracts/template-settings'
import { loadAdapter, mergeAdapter, saveAdapter } from './adapter'
import { placeOf, policyFolders, writeBase, type OpenArtifact, type Reference } from './adapter-base'
import { storedDtype } from './folder'
import type { Model } from './model'
import type { LoadedModel } from './loaded'
import { openReadingCopy } from './reading-copy'
import { tf } from './tf'
import { loadTokenizer } from './tokenizer'
import { loadModel } from './weights'

export { policyFolders, type PolicyFolders } from './adapter-base'

/**
 * Loads a policy with its adapters merged in.
 * @param template variables of the chat template, in place of those stored with the model
 * @param precision "bfloat16": for a model that is only read, as in `loadModel`
 */
export async function loadPolicy(
  artifact: Reference,
  open: OpenArtifact,
  { template, precision }: { template?: TemplateSettings | undefined; precision?: Precision | undefined } = {},
): Promise<LoadedModel> {
  const { folder, adapters } = await policyFolders(artifact, open)
  const tokenizer = loadTokenizer(folder, template)
  return { folder, tokenizer, model: withAdapters(loadModel(folder, {}, precision), adapters) }
}

/** Merges adapters into a model, which must not be used afterwards. */
export function withAdapters(model: Model, folders: readonly string[]): Model {
  return folders.reduce((base, folder) => {
    const adapted = loadAdapter(base, folder)
    const merged = base.precision === 'bfloat16' ? openReadingCopy(adapted).model : mergeAdapter(adapted)
    const kept = new Set(merged.weights.values())
    tf.dispose([...adapted.weights.values()].filter((tensor) => !kept.has(tensor)))
    return merged
  }, model)
}

/**
 * Writes what training has added to a policy, so that PEFT loads it, with the name of the policy. In bfloat16 if the
 * whole model at the bottom is: that rounds what was added, not what it is added to.
 * @param whole folder of that model
 */
export function saveAdapterOf(base: Reference, whole: string, model: Model, folder: string): void {
  saveAdapter(model, folder, placeOf(base.uri), storedDtype(whole) === 'BF16' ? 'BF16' : 'F32')
  writeBase(folder, base)
}
