// Labelers' answers on a file system: a folder of append-only files, one JSON line per answer.
//
//   <root>/answers/<process>.jsonl
//   ["<key>", <answer>, {"at": …, "run": …, "work": …, "usage": …}]     when, by whom and at what cost it was given
//   ["", null, {…}]                                                     paid for, but no answer to keep
//   ["<key>", <answer>]                                                 stored by an earlier version
//
// Each process writes its own file, so several may run at once; a line that a kill cut short is skipped.
// Memory holds only the place of each answer. What a piece of work has cost is the sum of its lines: it survives failed
// attempts, and a mirror brings it to other machines.
import { randomUUID } from 'node:crypto'
import { existsSync, mkdirSync, openSync, readdirSync, readSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { addUsage, noUsage, usageSchema, type Usage } from '../contracts/usage'
import { lines } from '../json-lines'

/** Who asks: a run, and the piece of work whose attempts are paid from one budget. */
export interface Asker {
  run: string
  work: string
}

/** An answer to store, and what it took if an endpoint was asked. */
type Given = readonly [key: string, answer: unknown, usage?: Usage | undefined]

/** An answer as it was stored. */
export interface KeptAnswer {
  answer: unknown
  /** When it was given; undefined for answers of an earlier version. */
  at: Date | undefined
  /** Whether this run, or this piece of work, asked for it. */
  isOwn: { run: boolean; work: boolean }
  /** What it cost, if it was asked of an endpoint. */
  usage: Usage | undefined
}

export interface AnswerFiles {
  /** The answer to a question: that of this run or, without one, the newest. */
  find(key: string): KeptAnswer | undefined
  get(key: string): unknown
  /** In one write: all of them or, if the process dies, none. */
  put(answers: readonly Given[]): void
  /** Notes what was paid for without an answer to keep. */
  pay(usage: Usage): void
  /** What this work has taken so far, in all its attempts, and what of its cost this run paid. */
  spent(): Usage & { byRun: number }
}

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
type About = z.infer<typeof aboutSchema>

/**
 * @param root folder of the artifact store
 * @param asker default: a run and a work of their own, without a past
 */
export function openAnswers(root: string, asker: Asker = { run: randomUUID(), work: randomUUID() }): AnswerFiles {
  const files = openFiles(join(root, 'answers'))
  const places = new Map<string, number>()
  const spent = noUsage()
  let byRun = 0
  const count = ({ work, run, usage }: About) => {
    if (work !== asker.work || !usage) return
    addUsage(spent, usage)
    if (run === asker.run) byRun += usage.cost
  }
  const isOlder = (about: About | undefined, than: About | undefined) => {
    const [own, other] = [about?.run === asker.run, than?.run === asker.run]
    return own === other ? (about?.at ?? '') < (than?.at ?? '') : other
  }
  files.forEachLine((key, place, about) => {
    if (about) count(about)
    const earlier = places.get(key)
    if (key !== '' && (earlier === undefined || !isOlder(about, parsed(files.read(earlier)).about)))
      places.set(key, place)
  })

  const append = (answers: readonly Given[]) => {
    const about = { at: new Date().toISOString(), ...asker }
    const written = answers.map(([key, answer, usage]) => [key, answer, { ...about, usage }] as const)
    files.append(written.map((line) => JSON.stringify(line))).forEach((place, i) => {
      if (answers[i]![0] !== '') places.set(answers[i]![0], place)
      count(written[i]![2])
    })
  }
  const find = (key: string): KeptAnswer | undefined => {
    const place = places.get(key)
    if (place === undefined) return undefined
    const { answer, about } = parsed(files.read(place))
    return {
      answer,
      at: about && new Date(about.at),
      isOwn: { run: about?.run === asker.run, work: about?.work === asker.work },
      usage: about?.usage,
    }
  }
  return {
    find,
    get: (key) => find(key)?.answer,
    put: append,
    pay: (usage) => append([['', null, usage]]),
    spent: () => ({ ...spent, byRun }),
  }
}

function parsed(line: string): { answer: unknown; about: About | undefined } {
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

// ---- Files

interface LineFiles {
  /** Every whole line at the time of opening. */
  forEachLine(onLine: (key: string, place: number, about: About | undefined) => void): void
  read(place: number): string
  /** @returns the place of each line */
  append(lines: readonly string[]): number[]
}

function openFiles(folder: string): LineFiles {
  const files: { name: string; handle?: number }[] = existsSync(folder)
    ? readdirSync(folder)
        .filter((name) => name.endsWith('.jsonl'))
        .map((name) => ({ name: join(folder, name) }))
    : []
  let writing: { file: number; offset: number } | undefined

  const openForWriting = () => {
    mkdirSync(folder, { recursive: true })
    const name = join(folder, `${randomUUID()}.jsonl`)
    files.push({ name, handle: openSync(name, 'ax+') })
    return { file: files.length - 1, offset: 0 }
  }
  return {
    forEachLine: (onLine) =>
      [...files].forEach(({ name }, file) =>
        forEachWholeLine(name, (key, offset, about) => onLine(key, file * PER_FILE + offset, about)),
      ),
    read(place) {
      const file = files[Math.floor(place / PER_FILE)]!
      file.handle ??= openSync(file.name, 'r')
      return readLine(file.handle, place % PER_FILE)
    },
    append(lines) {
      writing ??= openForWriting()
      const { file } = writing
      const places = lines.map((line) => {
        const place = file * PER_FILE + writing!.offset
        writing!.offset += Buffer.byteLength(line) + 1
        return place
      })
      writeWhole(files[file]!.name, files[file]!.handle!, lines.map((line) => `${line}\n`).join(''))
      return places
    },
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
