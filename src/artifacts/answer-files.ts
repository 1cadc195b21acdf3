// The lines of labelers' answers in their files: read by their places, appended to one file of this process. What a line
// says: answers.ts.
import { closeSync, existsSync, mkdirSync, openSync, readdirSync, readSync, writeSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { z } from 'zod'
import { usageSchema } from '../contracts/usage'
import { lines } from '../json-lines'

/** The place of a line as one number, file × this + offset: a tenth of the memory of an object. */
const PER_FILE = 2 ** 40
const KEY = /^\["([\w-]*)",.*\]$/
const ABOUT = ',{"at":'

const aboutSchema = z.object({
  at: z.iso.datetime(),
  run: z.string().optional(),
  work: z.string().optional(),
  usage: usageSchema.optional(),
})
export type About = z.infer<typeof aboutSchema>

/** Files that are open for reading at a time. */
const MOST_OPEN = 64

export interface AnswerLines {
  /** Every whole line at the time of opening. */
  forEachLine(onLine: (key: string, place: number, about: About | undefined) => void): void
  read(place: number): string
  /** @returns the place of each line */
  append(lines: readonly string[]): number[]
}

/**
 * @param folders whose files are read
 * @param own the file that this process writes; created with its first line
 */
export function openAnswerFiles(folders: readonly string[], own: string): AnswerLines {
  const names = folders.flatMap(linesFilesIn)
  const handles = openedHandles()
  let writing: { file: number; handle: number; offset: number } | undefined

  const openForWriting = () => {
    mkdirSync(dirname(own), { recursive: true })
    names.push(own)
    return { file: names.length - 1, handle: openSync(own, 'ax'), offset: 0 }
  }
  return {
    forEachLine: (onLine) =>
      [...names].forEach((name, file) =>
        forEachWholeLine(name, (key, offset, about) => onLine(key, file * PER_FILE + offset, about)),
      ),
    read: (place) => readLine(handles.of(names[Math.floor(place / PER_FILE)]!), place % PER_FILE),
    append(lines) {
      const { file, handle } = (writing ??= openForWriting())
      const places = lines.map((line) => {
        const place = file * PER_FILE + writing!.offset
        writing!.offset += Buffer.byteLength(line) + 1
        return place
      })
      writeWhole(own, handle, lines.map((line) => `${line}\n`).join(''))
      return places
    },
  }
}

const linesFilesIn = (folder: string): string[] =>
  existsSync(folder)
    ? readdirSync(folder)
        .filter((name) => name.endsWith('.jsonl'))
        .map((name) => join(folder, name))
    : []

/** A process may have only so many files open: those that were read last are. */
function openedHandles(): { of(file: string): number } {
  const opened = new Map<string, number>()
  return {
    of(file) {
      const handle = opened.get(file) ?? openSync(file, 'r')
      opened.delete(file)
      opened.set(file, handle)
      const [oldest] = opened
      if (opened.size > MOST_OPEN && oldest) {
        closeSync(oldest[1])
        opened.delete(oldest[0])
      }
      return handle
    },
  }
}

export function parsedLine(line: string): { answer: unknown; about: About | undefined } {
  const [, answer, about] = JSON.parse(line) as unknown[]
  return { answer, about: aboutSchema.safeParse(about).data }
}

/** The last element of a line, without parsing the answer: quotes inside an answer are escaped. */
function aboutOf(line: string): About | undefined {
  const at = line.lastIndexOf(ABOUT)
  return at < 0 || !line.endsWith('}]') ? undefined : aboutSchema.safeParse(JSON.parse(line.slice(at + 1, -1))).data
}

function isWhole(line: string): boolean {
  try {
    return Array.isArray(JSON.parse(line))
  } catch {
    return false
  }
}

function writeWhole(name: string, handle: number, text: string): void {
  const [written, expected] = [writeSync(handle, text), Buffer.byteLength(text)]
  if (written !== expected)
    throw new Error(`answers: ${name}: ${written} of ${expected} bytes could be written; is the disk full?`)
}

function forEachWholeLine(file: string, onLine: (key: string, offset: number, about: About | undefined) => void): void {
  let offset = 0
  for (const line of lines(file)) {
    const key = KEY.exec(line)?.[1]
    const about = aboutOf(line)
    if (key !== undefined && (about || isWhole(line))) onLine(key, offset, about)
    offset += Buffer.byteLength(line) + 1
  }
}

function readLine(handle: number, offset: number): string {
  const parts: Buffer[] = []
  for (;;) {
    const chunk = Buffer.alloc(4096)
    const read = readSync(handle, chunk, 0, chunk.length, offset)
    const end = chunk.subarray(0, read).indexOf(10)
    parts.push(chunk.subarray(0, end < 0 ? read : end))
    if (end >= 0 || read === 0) return Buffer.concat(parts).toString('utf8')
    offset += read
  }
}
