// What was compiled from a source that has gone, e.g. in another branch: the TypeScript compiler leaves it, and it would
// still be found and packed.
import { existsSync, readdirSync, rmSync, rmdirSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'

const COMPILED = /(\.d\.ts|\.js|\.js\.map)$/

/** Removes from `dist` the files that no source in `src` has made, and folders that become empty. */
export function removeStale(src, dist) {
  if (!existsSync(dist)) return
  for (const entry of readdirSync(dist, { recursive: true, withFileTypes: true })) {
    const file = join(entry.parentPath, entry.name)
    const source = join(src, relative(dist, file).replace(COMPILED, '.ts'))
    if (!entry.isFile() || !COMPILED.test(file) || existsSync(source)) continue
    rmSync(file)
    removeEmpty(dirname(file))
  }
}

function removeEmpty(folder) {
  if (readdirSync(folder).length > 0) return
  rmdirSync(folder)
  removeEmpty(dirname(folder))
}
