// Where an artifact comes from: it, and all that it rests on, by the inputs in their manifests.
import type { Artifact } from '../contracts/artifact'
import { artifactsIn, type ArtifactStore, type Manifest } from './store'

type Reference = Pick<Artifact, 'uri' | 'sha256'>

export interface Made {
  uri: string
  manifest: Manifest
}

/**
 * The artifacts and those that they rest on, each once, in an order in which they could have been made. What is not in
 * the store any more is left out.
 */
export async function lineageOf(store: ArtifactStore, artifacts: readonly Reference[]): Promise<Made[]> {
  const made = new Map<string, Made | undefined>()
  const visit = async (artifact: Reference): Promise<void> => {
    if (made.has(artifact.uri)) return
    made.set(artifact.uri, undefined)
    const manifest = await store.open(artifact, 'text').then(
      (opened) => opened.manifest,
      () => undefined,
    )
    if (!manifest) return
    for (const input of artifactsIn(manifest.input)) await visit(input)
    made.delete(artifact.uri) // a map keeps the order of insertion: after its inputs
    made.set(artifact.uri, { uri: artifact.uri, manifest })
  }
  for (const artifact of artifacts) await visit(artifact)
  return [...made.values()].filter((one) => one !== undefined)
}
