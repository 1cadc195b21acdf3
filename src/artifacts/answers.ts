// Labelers' answers on a file system: a folder of append-only files, one JSON line per answer.
//
//   <root>/answers/<shelf>/<writer>.jsonl       a shelf holds the answers of one labeler, a writer is one process
//   <root>/answers/<writer>.jsonl               of earlier versions, which had no shelves: read with each shelf
//
//   ["<key>", <answer>, {"at": …, "run": …, "work": …, "usage": …}]     when, by whom and at what cost it was given
//   ["", null, {…}]                                                     paid for, but no answer to keep
//   ["<key>", <answer>]                                                 stored by an earlier version
//
// Each process writes its own file, so several may run at once; a line that a kill cut short is skipped.
// Memory holds only the place of each answer. What a piece of work has cost is the sum of its lines: it survives failed
// attempts, and answer-mirror.ts brings it to other machines. The files themselves: answer-files.ts.
import { createHash, randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { addUsage, noUsage, type Usage } from '../contracts/usage'
import { openAnswerFiles, parsedLine, type About } from './answer-files'

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

/** Where a process finds answers and writes its own. */
export interface AnswerPlace {
  /** The labeler's (`shelfOf`); default: none, as in earlier versions. */
  shelf?: string
  /** Name of the file that this process writes, without its ending; default: a new one. */
  writer?: string
}

/** The folder of a store that holds answers. */
export const ANSWERS_FOLDER = 'answers'

/** The shelf of a labeler's answers. @param identity what its answers depend on besides the question */
export const shelfOf = (identity: object): string =>
  createHash('sha256').update(JSON.stringify(identity)).digest('hex').slice(0, 24)

/**
 * @param root folder of the artifact store
 * @param asker default: a run and a work of their own, without a past
 */
export function openAnswers(
  root: string,
  asker: Asker = { run: randomUUID(), work: randomUUID() },
  { shelf = '', writer = randomUUID() }: AnswerPlace = {},
): AnswerFiles {
  const folder = join(root, ANSWERS_FOLDER)
  const own = join(folder, shelf)
  const files = openAnswerFiles([...new Set([folder, own])], join(own, `${writer}.jsonl`))
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
    if (key !== '' && (earlier === undefined || !isOlder(about, parsedLine(files.read(earlier)).about)))
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
    const { answer, about } = parsedLine(files.read(place))
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
