// Training with a watch: its settings name who watches, the input of its stage holds the model too.
import type { Artifact } from '../contracts/artifact'
import type { WatchInput } from '../contracts/stages'
import type { WatchSettings } from '../contracts/watch-settings'
import type { NamedInputs } from './named-inputs'

/**
 * The settings of a stage without the watch, and the watch beside them, if there is one.
 * @param policy what training starts from: the model "policy"
 */
export async function watched<S extends { watch?: WatchSettings | undefined }>(
  named: Pick<NamedInputs, 'labeler'>,
  { watch, ...settings }: S,
  policy: Artifact,
): Promise<{ settings: Omit<S, 'watch'>; watch?: WatchInput }> {
  if (!watch) return { settings }
  const { labeler, ...use } = watch
  return { settings, watch: { ...(await named.labeler(labeler, policy)), ...use } }
}

/** What a finished training says beside its figures, for whoever looks at the run. */
export const warningOf = ({ summary: { probeLiked, overOptimized } }: Artifact): string[] =>
  [probeLiked, overOptimized].filter((text) => typeof text === 'string')
