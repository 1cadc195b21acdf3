// Folders that appear whole and vanish whole, each by one rename: a copy that is taken meanwhile has all of it or nothing.
import { existsSync, renameSync, rmSync } from 'node:fs'

/** Puts a finished folder where `target` is to be, in place of what is there: that may be damaged, or of a lost attempt. */
export function putFolder(finished: string, target: string): void {
  removeFolder(target)
  renameSync(finished, target)
}

export function removeFolder(folder: string): void {
  if (!existsSync(folder)) return
  const aside = `${folder}.partial-removed-${process.pid}`
  rmSync(aside, { recursive: true, force: true })
  renameSync(folder, aside)
  rmSync(aside, { recursive: true, force: true })
}
