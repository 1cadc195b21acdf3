// Shards of a stage that falls apart into rows: which rows one does, and how their files become those of the whole.
import { createReadStream, createWriteStream, existsSync } from 'node:fs'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import type { Artifact, Summary } from '../contracts/artifact'
import type { Shard } from '../contracts/shard'
import type { Range } from '../json-lines'
import { progressReporter, type StageHost } from './stage'

/** The rows of a shard; without one, all. @param block rows that are computed together: no shard divides them */
export function rangeOf(rows: number, block: number, { index, of }: Shard = { index: 0, of: 1 }): Range {
  const blocks = Math.ceil(rows / block)
  const end = (index: number) => Math.min(rows, block * Math.floor((blocks * index) / of))
  return { from: end(index), to: end(index + 1) }
}

/**
 * Writes the files of the shards one after the other, as if one worker had written them.
 * @returns the folder of the first shard
 */
export async function gatherFiles(host: StageHost, shards: readonly Artifact[], names: readonly string[]) {
  const report = progressReporter(host, 'putting shards together', shards.length, 'shards')
  const folders: string[] = []
  for (const shard of shards) {
    const folder = await host.open(shard)
    for (const name of names.filter((name) => existsSync(join(folder, name))))
      await pipeline(createReadStream(join(folder, name)), createWriteStream(join(host.output, name), { flags: 'a' }))
    report(folders.push(folder))
  }
  return folders[0]!
}

/** The figures of all parts for the whole: numbers are added, days are the first and the last, the rest is that of one. */
export function addedFigures(summaries: readonly Summary[]): Summary {
  const names = new Set(summaries.flatMap((summary) => Object.keys(summary)))
  return Object.fromEntries([...names].map((name) => [name, added(name, summaries)]))
}

function added(name: string, summaries: readonly Summary[]): Summary[string] {
  const values = summaries.flatMap((summary) => summary[name] ?? [])
  if (values.every((value) => typeof value === 'number')) return values.reduce((sum, value) => sum + value, 0)
  const sorted = values.map((value) => value).sort()
  return (name === 'answersTo' ? sorted.at(-1) : sorted[0]) ?? null
}
