// The policy that an adapter in the store belongs to, and the folders of both.
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import type { Artifact } from '../contracts/artifact'

export type Reference = Pick<Artifact, 'uri' | 'sha256'>
/** Opens an artifact of the store. @returns its folder */
export type OpenArtifact = (artifact: Reference) => Promise<string>

const BASE_FILE = 'base.json'
/** By its place in the store: two stores give an adapter the same bytes. */
const baseSchema = z.object({
  artifact: z.string().regex(/^[\w-][\w.-]*\/[\w-][\w.-]*$/),
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
})

const segments = (uri: string) => uri.replace(/\/$/, '').split('/')
/** Stage and key of an artifact. */
export const placeOf = (uri: string) => segments(uri).slice(-2).join('/')
const besides = (uri: string, place: string) => `${segments(uri).slice(0, -2).join('/')}/${place}`

/** The policy that the adapter in a folder belongs to; undefined for a whole model. @param of the folder's artifact */
export function baseOf(folder: string, of: Reference): Reference | undefined {
  const file = join(folder, BASE_FILE)
  if (!existsSync(file)) return undefined
  const { artifact, sha256 } = baseSchema.parse(JSON.parse(readFileSync(file, 'utf8')))
  return { uri: besides(of.uri, artifact), sha256 }
}

/** Names the policy that the adapter in a folder belongs to. */
export function writeBase(folder: string, { uri, sha256 }: Reference): void {
  const base: z.infer<typeof baseSchema> = { artifact: placeOf(uri), sha256 }
  writeFileSync(join(folder, BASE_FILE), `${JSON.stringify(base, null, 2)}\n`)
}

export interface PolicyFolders {
  /** Of the whole model at the bottom: config, weights and tokenizer. */
  folder: string
  /** Of the adapters, in the order in which they are added. */
  adapters: string[]
}

/** @throws when a base is not in the store, or an adapter belongs to itself */
export async function policyFolders(artifact: Reference, open: OpenArtifact): Promise<PolicyFolders> {
  const adapters: string[] = []
  const seen = new Set<string>()
  for (let at = artifact; ;) {
    const folder = await open(at)
    const base = baseOf(folder, at)
    if (!base) return { folder, adapters }
    if (seen.has(base.uri)) throw new Error(`model: the adapter ${at.uri} belongs to itself; the store is damaged`)
    seen.add(base.uri)
    adapters.unshift(folder)
    at = base
  }
}
