// A second name for a file that nobody changes any more: takes no space.
import { copyFileSync, existsSync, linkSync, mkdirSync, readdirSync } from 'node:fs'
import { join, relative } from 'node:path'

/** Gives a file a second name; where the file system has no hard links, or both are on different ones, copies it. */
export function linkOrCopy(file: string, to: string): void {
  try {
    linkSync(file, to)
  } catch (error) {
    if (!existsSync(file)) throw error
    copyFileSync(file, to)
  }
}

/** The same for all files of a folder. */
export function linkOrCopyFolder(folder: string, to: string): void {
  mkdirSync(to, { recursive: true })
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    const at = join(to, relative(folder, join(entry.parentPath, entry.name)))
    if (entry.isDirectory()) mkdirSync(at, { recursive: true })
    else linkOrCopy(join(entry.parentPath, entry.name), at)
  }
}
