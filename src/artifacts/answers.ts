// Labelers' answers on a file system: a folder of append-only files, one JSON line an answer.
//
//   <root>/answers/<process>.jsonl
//
// Each process writes a file of its own, so several may run at once; a line that a kill cut short is passed over.
import { randomUUID } from 'node:crypto'
import { appendFileSync, existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

export interface AnswerFiles {
  get(key: string): unknown
  put(key: string, answer: unknown): void
}

function readInto(answers: Map<string, unknown>, file: string): void {
  for (const line of readFileSync(file, 'utf8').split('\n')) {
    try {
      const [key, answer] = JSON.parse(line) as [string, unknown]
      answers.set(key, answer)
    } catch {
      // the last line of a process that was killed, or the empty one after the last
    }
  }
}

/** @param root of the artifact store */
export function openAnswers(root: string): AnswerFiles {
  const folder = join(root, 'answers')
  const answers = new Map<string, unknown>()
  if (existsSync(folder)) for (const name of readdirSync(folder)) if (name.endsWith('.jsonl')) readInto(answers, join(folder, name))
  const own = join(folder, `${randomUUID()}.jsonl`)
  return {
    get: (key) => answers.get(key),
    put(key, answer) {
      if (answers.size === 0 || !existsSync(folder)) mkdirSync(folder, { recursive: true })
      answers.set(key, answer)
      appendFileSync(own, `${JSON.stringify([key, answer])}\n`)
    },
  }
}
