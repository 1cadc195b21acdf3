// Labelers' answers on a file system: a folder of append-only files, one JSON line per answer.
//
//   <root>/answers/<process>.jsonl
//
// Each process writes its own file, so several may run at once; a line that a kill cut short is skipped.
// Memory holds only the place of each answer.
import { randomUUID } from 'node:crypto'
import { existsSync, mkdirSync, openSync, readdirSync, readSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { lines } from '../json-lines'

export interface AnswerFiles {
  get(key: string): unknown
  /** In one write: all of them or, if the process dies, none. */
  put(answers: readonly (readonly [key: string, answer: unknown])[]): void
}

/** The place of a line as one number, file × this + offset: a tenth of the memory of an object. */
const PER_FILE = 2 ** 40
const LINE = /^\["([\w-]+)",.*\]$/

/** @param root folder of the artifact store */
export function openAnswers(root: string): AnswerFiles {
  const folder = join(root, 'answers')
  const places = new Map<string, number>()
  const files: { name: string; handle?: number }[] = existsSync(folder)
    ? readdirSync(folder)
        .filter((name) => name.endsWith('.jsonl'))
        .map((name) => ({ name: join(folder, name) }))
    : []
  files.forEach(({ name }, file) => findAnswers(name, (key, offset) => places.set(key, file * PER_FILE + offset)))
  let writing: { file: number; offset: number } | undefined

  const openForWriting = () => {
    mkdirSync(folder, { recursive: true })
    const name = join(folder, `${randomUUID()}.jsonl`)
    files.push({ name, handle: openSync(name, 'ax+') })
    return { file: files.length - 1, offset: 0 }
  }
  return {
    get(key) {
      const place = places.get(key)
      if (place === undefined) return undefined
      const file = files[Math.floor(place / PER_FILE)]!
      file.handle ??= openSync(file.name, 'r')
      return (JSON.parse(readLine(file.handle, place % PER_FILE)) as [string, unknown])[1]
    },
    put(answers) {
      writing ??= openForWriting()
      const lines = answers.map((answer) => `${JSON.stringify(answer)}\n`)
      const written = writeSync(files[writing.file]!.handle!, lines.join(''))
      answers.forEach(([key], i) => {
        places.set(key, writing!.file * PER_FILE + writing!.offset)
        writing!.offset += Buffer.byteLength(lines[i]!)
      })
      const expected = lines.reduce((sum, line) => sum + Buffer.byteLength(line), 0)
      if (written !== expected)
        throw new Error(
          `answers: ${files[writing.file]!.name}: ${written} of ${expected} bytes could be written; is the disk full?`,
        )
    },
  }
}

/** Reports the key and the offset of every whole line. */
function findAnswers(file: string, onAnswer: (key: string, offset: number) => void): void {
  let offset = 0
  for (const line of lines(file)) {
    const key = LINE.exec(line)?.[1]
    if (key !== undefined) onAnswer(key, offset)
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
