// `rlaif artifacts gc`: lists and removes what the store no longer needs.
import { fileURLToPath } from 'node:url'
import { findGarbage } from '../artifacts/gc'
import { bucketUri, openClearable, storeFolder } from '../artifacts/open-store'
import { InvalidInput } from '../contracts/parse'

const size = (bytes: number) =>
  bytes >= 1e9
    ? `${(bytes / 1e9).toFixed(1)} GB`
    : bytes >= 1e6
      ? `${(bytes / 1e6).toFixed(1)} MB`
      : `${(bytes / 1e3).toFixed(0)} kB`
const pathOrUri = (uri: string) => (uri.startsWith('file:') ? fileURLToPath(uri) : uri)

/** @param remove false only lists what would be removed */
export async function collectGarbage(home: string, days: number, remove: boolean): Promise<string[]> {
  if (!(days >= 0)) throw new InvalidInput(`--older-than got "${days}"; it must be a number of days`)
  const store = await openClearable(home)
  const found = findGarbage(await store.contents(), days)
  if (found.length === 0)
    return [`nothing older than ${days} days can be removed from ${bucketUri() ?? storeFolder(home)}`]
  const total = size(found.reduce((sum, { bytes }) => sum + bytes, 0))
  if (remove) await store.remove(found.map(({ uri }) => uri))
  const lines = found.map(({ uri, bytes, why }) => `${size(bytes).padStart(9)}  ${pathOrUri(uri)}  ${why}`)
  return [
    ...lines,
    remove
      ? `removed ${found.length} folders, ${total}`
      : `${found.length} folders, ${total} would be removed; add --yes to remove them`,
  ]
}
