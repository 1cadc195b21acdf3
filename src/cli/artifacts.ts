// `rlaif artifacts gc`: what may be removed from the store, and removing it.
import { findGarbage, removeGarbage } from '../artifacts/gc'
import { InvalidInput } from '../contracts/parse'
import { storeFolder } from '../workers/home'

const size = (bytes: number) => (bytes >= 1e9 ? `${(bytes / 1e9).toFixed(1)} GB` : bytes >= 1e6 ? `${(bytes / 1e6).toFixed(1)} MB` : `${(bytes / 1e3).toFixed(0)} kB`)

/** @param remove else it only says what it would do */
export function collectGarbage(home: string, days: number, remove: boolean): string[] {
  if (!(days >= 0)) throw new InvalidInput(`--older-than got "${days}"; it is a number of days`)
  const found = findGarbage(storeFolder(home), days)
  if (found.length === 0) return [`nothing older than ${days} days can be removed from ${storeFolder(home)}`]
  const total = size(found.reduce((sum, { bytes }) => sum + bytes, 0))
  if (remove) removeGarbage(found)
  const lines = found.map(({ folder, bytes, why }) => `${size(bytes).padStart(9)}  ${folder}  ${why}`)
  return [...lines, remove ? `removed ${found.length} folders, ${total}` : `${found.length} folders, ${total} would be removed; add --yes to remove them`]
}
