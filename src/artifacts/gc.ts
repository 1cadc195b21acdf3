// What in the store nobody needs any more. Kept is what is young, what a report or study rests on, and what those rest on in turn.
import { existsSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

export interface Garbage {
  folder: string
  bytes: number
  why: string
}

/** What people read: everything these were made from stays. */
const ROOTS = new Set(['report', 'study', 'comparison', 'human-results', 'sweep-report'])
const DAY_MS = 86_400_000

interface Entry {
  folder: string
  stage: string
  /** When it was last written to. */
  time: number
  inputs: string[]
}

/** Folders that may be removed. @param days younger ones are left alone, whatever they are */
export function findGarbage(root: string, days: number, now = Date.now()): Garbage[] {
  const base = resolve(root)
  const isOld = (time: number) => now - time > days * DAY_MS
  const entries = foldersIn(base).filter((stage) => !['work', 'answers', 'claims'].includes(stage)).flatMap((stage) => foldersIn(join(base, stage)).map((name) => entryOf(join(base, stage, name), stage)))
  const needed = reachable(entries, (entry) => !isOld(entry.time) || ROOTS.has(entry.stage))
  const unneeded = entries.flatMap((entry): Garbage[] => {
    if (!isOld(entry.time)) return []
    if (/\.(damaged|replaced)-\d+$/.test(entry.folder)) return [garbage(entry.folder, 'set aside: damaged or made again')]
    return needed.has(entry.folder) ? [] : [garbage(entry.folder, 'no report rests on it')]
  })
  const leftWork = foldersIn(join(base, 'work')).map((name) => join(base, 'work', name)).filter((folder) => isOld(lastWritten(folder)))
  return [...unneeded, ...leftWork.map((folder) => garbage(folder, 'an unfinished stage that nothing has touched since'))]
}

export function removeGarbage(garbage: readonly Garbage[]): void {
  for (const { folder } of garbage) rmSync(folder, { recursive: true, force: true })
}

const foldersIn = (folder: string): string[] => (existsSync(folder) ? readdirSync(folder, { withFileTypes: true }).filter((entry) => entry.isDirectory()).map(({ name }) => name) : [])
const filesIn = (folder: string): string[] => (readdirSync(folder, { recursive: true }) as string[]).map((name) => join(folder, name))
const garbage = (folder: string, why: string): Garbage => ({ folder, why, bytes: filesIn(folder).reduce((sum, file) => sum + statSync(file).size, 0) })
const lastWritten = (folder: string): number => Math.max(statSync(folder).mtimeMs, ...filesIn(folder).map((file) => statSync(file).mtimeMs))

function entryOf(folder: string, stage: string): Entry {
  const manifest = join(folder, 'manifest.json')
  if (!existsSync(manifest)) return { folder, stage, time: lastWritten(folder), inputs: [] }
  const text = readFileSync(manifest, 'utf8')
  const uris = [...text.matchAll(/"uri": ?"(file:[^"]+)"/g)].map(([, uri]) => resolve(fileURLToPath(uri!)))
  return { folder, stage, time: statSync(manifest).mtimeMs, inputs: uris }
}

function reachable(entries: readonly Entry[], isRoot: (entry: Entry) => boolean): Set<string> {
  const byFolder = new Map(entries.map((entry) => [entry.folder, entry]))
  const seen = new Set<string>()
  const visit = (folder: string) => {
    if (seen.has(folder)) return
    seen.add(folder)
    byFolder.get(folder)?.inputs.forEach(visit)
  }
  entries.filter(isRoot).forEach(({ folder }) => visit(folder))
  return seen
}
