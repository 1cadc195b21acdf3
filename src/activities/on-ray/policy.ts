// A policy as a job on Ray takes it: its folders, and what turns texts into its tokens here. Loads no weights.
import type { Artifact } from '../../contracts/artifact'
import type { Limits } from '../../contracts/settings'
import { policyFolders } from '../../model/adapter-base'
import type { AnyConfig } from '../../model/any-config'
import { stopIds } from '../../model/ending'
import { readAnyConfig } from '../../model/folder'
import { loadTokenizer, type Tokenizer } from '../../model/tokenizer'
import type { ModelFolders } from '../../ray/job-folder'
import type { StageHost } from '../stage'

export interface PolicyOnRay extends ModelFolders {
  tokenizer: Tokenizer
  model: { config: AnyConfig }
}

export async function openPolicy(artifact: Artifact, host: StageHost): Promise<PolicyOnRay> {
  const folders = await policyFolders(artifact, host.open)
  return {
    ...folders,
    tokenizer: loadTokenizer(folders.folder),
    model: { config: readAnyConfig(folders.folder) },
  }
}

/** The policy in a job's file. */
export const modelOf = (policy: PolicyOnRay) => ({
  folder: policy.folder,
  adapters: policy.adapters,
  stopIds: stopIds(policy),
})

/** What limits the responses of a job. */
export const lengthOf = ({ responseTokens }: Limits) => ({ responseTokens })
