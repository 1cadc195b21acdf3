// The labelled pairs of a run: filtered, searched and read a page at a time. The file may be larger than memory: of
// each pair only its place and what filters ask are kept, and a request that has looked long enough answers with
// what it found.
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { decidedPairs, rowSchema } from '../data/row'
import { readJsonlInParts } from '../json-lines'
import { placedLines, readJsonRanges, type Range } from './json-spans'

export const FILTERS = {
  all: 'all',
  uncertain: 'uncertain, 0.4 to 0.6',
  contradicted: 'contradicted by people',
  slot: 'same slot in both orders',
  jury: 'disputed in the jury',
} as const
export type Filter = keyof typeof FILTERS

const memberSchema = z.object({
  labeler: z.string(),
  preferFirst: z.number().optional(),
  failed: z.string().optional(),
})
const shownFields = {
  preferFirst: z.number(),
  slotOne: z.array(z.number()),
  labeler: z.string(),
  disagreement: z.number().optional(),
}
const tailSchema = z.object(shownFields)
const pairSchema = z.object({
  id: z.string(),
  context: z.string(),
  first: z.object({ text: z.string() }),
  second: z.object({ text: z.string() }),
  ...shownFields,
  rationales: z.array(z.string()).optional(),
  members: z.array(memberSchema).optional(),
})

export interface PairToRead extends Omit<z.output<typeof pairSchema>, 'first' | 'second'> {
  /** Its number in the file, from 0. */
  number: number
  first: string
  second: string
  /** Which response people preferred, where these very two were compared by them. */
  people?: 1 | 2 | undefined
}

export interface PairsPage {
  pairs: PairToRead[]
  /** From 1. */
  page: number
  /** Of pairs that pass filter and search among those looked at. */
  found: number
  /** How many pairs were looked at; fewer than all where it would have taken too long: ask again. */
  looked: number
  /** Undefined until the end of the file was reached. */
  total?: number | undefined
  /** How many pass each filter, of those read so far. */
  counts: Record<Filter, number>
}

export interface PairReading {
  filter?: Filter
  query?: string
  page?: number
}

export const PAIRS_A_PAGE = 20
/** How long a request looks before it answers with what it has. */
const PATIENCE_MS = 600
/** Between two of them other requests get in. */
const TURN_MS = 40
const UNCERTAIN = 0.1

const BITS: Record<Exclude<Filter, 'all'>, number> = { uncertain: 1, contradicted: 2, slot: 4, jury: 8 }

export interface LabelledPairs {
  page(reading: PairReading): Promise<PairsPage>
}

/**
 * @param folder of an artifact of stage `label` or `human-labels`
 * @param data folder of the data artifact, where people's choices of the same pairs are
 */
export function openPairs(folder: string, data?: string): LabelledPairs {
  const file = join(folder, 'labels.jsonl')
  const index = openIndex(file, data)
  const searches = new Map<string, Search>()
  return {
    async page({ filter = 'all', query = '', page = 1 }) {
      const until = performance.now() + PATIENCE_MS
      const wanted = query.trim().toLowerCase()
      const key = `${filter} ${wanted}`
      const search = searches.get(key) ?? { hits: [], next: 0 }
      keepRecent(searches, key, search)
      const shown = Math.max(1, Math.floor(page))
      await lookOn(index, search, { filter, wanted, needed: shown * PAIRS_A_PAGE + 1, until })
      const hits = search.hits.slice((shown - 1) * PAIRS_A_PAGE, shown * PAIRS_A_PAGE)
      return {
        pairs: hits.map((number) => index.read(number)),
        page: shown,
        found: search.hits.length,
        looked: search.next,
        total: index.isWhole() ? index.size() : undefined,
        counts: index.counts(),
      }
    },
  }
}

// ---- Search

/** What was found so far, and where to go on. */
interface Search {
  hits: number[]
  next: number
}
const KEPT_SEARCHES = 20

function keepRecent(searches: Map<string, Search>, key: string, search: Search): void {
  searches.delete(key)
  searches.set(key, search)
  if (searches.size > KEPT_SEARCHES) searches.delete(searches.keys().next().value!)
}

interface Looking {
  filter: Filter
  /** In lower case; empty for any text. */
  wanted: string
  needed: number
  until: number
}

/**
 * With a text to find, until a page is full or patience ends; without one, to the end, to tell how many
 * there are.
 */
async function lookOn(index: Index, search: Search, { filter, wanted, needed, until }: Looking): Promise<void> {
  const isEnough = () => wanted !== '' && search.hits.length >= needed
  while (performance.now() < until && !isEnough()) {
    const turn = performance.now() + TURN_MS
    while (performance.now() < turn && !isEnough()) {
      if (search.next >= index.size() && !index.readMore()) return
      for (; search.next < index.size() && !isEnough() && performance.now() < turn; search.next++)
        if (index.passes(search.next, filter) && (wanted === '' || contains(index.read(search.next), wanted)))
          search.hits.push(search.next)
    }
    await new Promise(setImmediate)
  }
}

const contains = ({ id, context, first, second, rationales = [] }: PairToRead, wanted: string): boolean =>
  [id, context, first, second, ...rationales].some((text) => text.toLowerCase().includes(wanted))

// ---- Places and flags

interface Index {
  /** Pairs read so far. */
  size(): number
  /** Reads some more. @returns whether there were any */
  readMore(): boolean
  isWhole(): boolean
  passes(number: number, filter: Filter): boolean
  read(number: number): PairToRead
  counts(): Record<Filter, number>
}
const LINES_AT_ONCE = 200

function openIndex(file: string, data: string | undefined): Index {
  const lines = existsSync(file) ? placedLines(file) : undefined
  const people = data === undefined ? undefined : peoplesChoices(data)
  const [places, flags] = [growing(Float64Array), growing(Uint8Array)]
  const counts: Record<Filter, number> = { all: 0, uncertain: 0, contradicted: 0, slot: 0, jury: 0 }
  let whole = false
  const add = ({ range, bytes }: { range: Range; bytes: Buffer }): void => {
    const flag = flagsOf(bytes, people)
    places.push(range.start)
    places.push(range.end)
    flags.push(flag)
    counts.all++
    for (const [filter, bit] of Object.entries(BITS)) if (flag & bit) counts[filter as Filter]++
  }
  return {
    size: () => flags.length(),
    isWhole: () => whole,
    counts: () => ({ ...counts }),
    passes: (number, filter) => filter === 'all' || (flags.at(number) & BITS[filter]) > 0,
    read: (number) => readPair(file, number, { start: places.at(2 * number), end: places.at(2 * number + 1) }, people),
    readMore() {
      const before = flags.length()
      for (let i = 0; i < LINES_AT_ONCE && !whole; i++) {
        const line = lines?.next()
        if (!line || line.done) whole = true
        else add(line.value)
      }
      return flags.length() > before
    },
  }
}

/** What follows the two responses; no text of a model can contain it, as quotes are escaped there. */
const TAIL = '},"preferFirst":'

function flagsOf(line: Buffer, people: People | undefined): number {
  const tail = line.indexOf(TAIL)
  const label = tailSchema.parse(
    JSON.parse(tail < 0 ? line.toString('utf8') : `{${line.toString('utf8', tail + TAIL.indexOf('"'))}`),
  )
  const [given, swapped] = label.slotOne
  const choice = people?.size ? choiceOf(parsedPair(JSON.parse(line.toString('utf8'))), people) : undefined
  return (
    (Math.abs(label.preferFirst - 0.5) < UNCERTAIN ? BITS.uncertain : 0) |
    (choice !== undefined && (choice === 1) !== label.preferFirst > 0.5 && label.preferFirst !== 0.5
      ? BITS.contradicted
      : 0) |
    (swapped !== undefined && given! > 0.5 === swapped > 0.5 ? BITS.slot : 0) |
    ((label.disagreement ?? 0) > 0 ? BITS.jury : 0)
  )
}

function readPair(file: string, number: number, range: Range, people: People | undefined): PairToRead {
  const pair = parsedPair(readJsonRanges(file, [range])[0])
  return { ...pair, number, ...(people && { people: choiceOf(pair, people) }) }
}

function parsedPair(line: unknown): Omit<PairToRead, 'number'> {
  const { first, second, ...pair } = pairSchema.parse(line)
  return { ...pair, first: first.text, second: second.text }
}

// ---- People

/** By pair: the choice, and which texts it was about. */
type People = ReadonlyMap<string, { preferred: 1 | 2; texts: number }>
const ROWS_AT_ONCE = 256

function peoplesChoices(folder: string): People {
  const file = join(folder, 'train.jsonl')
  const choices = new Map<string, { preferred: 1 | 2; texts: number }>()
  if (!existsSync(file)) return choices
  for (const rows of readJsonlInParts(file, rowSchema, ROWS_AT_ONCE))
    for (const { id, responses, preferred } of decidedPairs(rows))
      choices.set(id, { preferred, texts: checksum(responses) })
  return choices
}

/**
 * People's choice belongs to the label when the very pair is theirs: samples of a policy share only the
 * prompt's id.
 */
function choiceOf(
  { id, first, second }: Pick<PairToRead, 'id' | 'first' | 'second'>,
  people: People,
): 1 | 2 | undefined {
  const choice = people.get(id)
  return choice?.texts === checksum([first, second]) ? choice.preferred : undefined
}

/** FNV-1a: two texts of one prompt are told apart by it, and nobody gains by a collision. */
function checksum(texts: readonly string[]): number {
  let sum = 0x811c9dc5
  for (const character of texts.join('\0').split('')) sum = Math.imul(sum ^ character.charCodeAt(0), 0x01000193)
  return sum >>> 0
}

// ---- Lists of numbers without a known end

function growing<T extends Float64Array | Uint8Array>(List: new (length: number) => T) {
  let [list, length] = [new List(1024), 0]
  return {
    length: () => length,
    at: (i: number): number => list[i]!,
    push(value: number): void {
      if (length === list.length) {
        const longer = new List(2 * length)
        longer.set(list)
        list = longer
      }
      list[length++] = value
    },
  }
}
