// Labelers' answers on a file system: a folder of append-only files, one JSON line an answer.
//
//   <root>/answers/<process>.jsonl
//
// Each process writes a file of its own, so several may run at once; a line that a kill cut short is passed over.
// In memory is only where each answer lies.
import { randomUUID } from 'node:crypto'
import { existsSync, mkdirSync, openSync, readdirSync, readSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { lines } from '../json-lines'

export interface AnswerFiles {
  get(key: string): unknown
  /** In one write: all of them or, where the process dies, none. */
  put(answers: readonly (readonly [key: string, answer: unknown])[]): void
}

/** A line's file and place as one number: it takes a tenth of the memory of an object. */
const FILE = 2 ** 40
const LINE = /^\["([\w-]+)",.*\]$/

/** @param root of the artifact store */
export function openAnswers(root: string): AnswerFiles {
  const folder = join(root, 'answers')
  const places = new Map<string, number>()
  const files: { name: string; handle?: number }[] = existsSync(folder)
    ? readdirSync(folder)
        .filter((name) => name.endsWith('.jsonl'))
        .map((name) => ({ name: join(folder, name) }))
    : []
  files.forEach(({ name }, file) => findAnswers(name, (key, at) => places.set(key, file * FILE + at)))
  let own: { file: number; at: number } | undefined

  const openOwn = () => {
    mkdirSync(folder, { recursive: true })
    const name = join(folder, `${randomUUID()}.jsonl`)
    files.push({ name, handle: openSync(name, 'ax+') })
    return { file: files.length - 1, at: 0 }
  }
  return {
    get(key) {
      const place = places.get(key)
      if (place === undefined) return undefined
      const file = files[Math.floor(place / FILE)]!
      file.handle ??= openSync(file.name, 'r')
      return (JSON.parse(readLine(file.handle, place % FILE)) as [string, unknown])[1]
    },
    put(answers) {
      own ??= openOwn()
      const lines = answers.map((answer) => `${JSON.stringify(answer)}\n`)
      const written = writeSync(files[own.file]!.handle!, lines.join(''))
      answers.forEach(([key], i) => {
        places.set(key, own!.file * FILE + own!.at)
        own!.at += Buffer.byteLength(lines[i]!)
      })
      const whole = lines.reduce((sum, line) => sum + Buffer.byteLength(line), 0)
      if (written !== whole)
        throw new Error(
          `answers: ${files[own.file]!.name}: ${written} of ${whole} bytes could be written; is the disk full?`,
        )
    },
  }
}

/** Tells of the key and the place of every whole line. */
function findAnswers(file: string, found: (key: string, at: number) => void): void {
  let at = 0
  for (const line of lines(file)) {
    const key = LINE.exec(line)?.[1]
    if (key !== undefined) found(key, at)
    at += Buffer.byteLength(line) + 1
  }
}

function readLine(handle: number, at: number): string {
  const parts: Buffer[] = []
  for (;;) {
    const chunk = Buffer.alloc(4096)
    const read = readSync(handle, chunk, 0, chunk.length, at)
    const end = chunk.subarray(0, read).indexOf(10)
    parts.push(chunk.subarray(0, end < 0 ? read : end))
    if (end >= 0 || read === 0) return Buffer.concat(parts).toString('utf8')
    at += read
  }
}
