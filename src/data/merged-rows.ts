// Rows by prompt: each prompt is in one row, so that it cannot be on both sides of the split. Memory holds what tells
// rows apart; the rows themselves are in a store of texts.
import { createHash } from 'node:crypto'
import type { Draft, HumanPair, Row } from './row'
import { TextStore, type TextPlace } from './text-store'

/** Characters of a key: one for each byte, as there may be millions. */
const KEY = 8
const keyOf = (text: string): string => createHash('sha256').update(text).digest().toString('latin1', 0, KEY)
const inHex = (key: string): string => Buffer.from(key, 'latin1').toString('hex')
/** The id of a row that has none of its own. */
export const idOfPrompt = ({ messages }: Pick<Draft, 'messages'>): string => inHex(keyOf(JSON.stringify(messages)))

interface Entry {
  key: string
  /** Undefined where the id is that of the key. */
  id: string | undefined
  where: string
  /** Start and bytes in the store of what each row with this prompt brought. */
  parts: number[]
  /** Keys of the pairs, one after the other. */
  pairs: string
  hasReference: boolean
}
const idOf = ({ id, key }: Entry): string => id ?? inHex(key)
type Part = Pick<Row, 'reference' | 'pairs'> & Partial<Pick<Row, 'messages' | 'context'>>

export class MergedRows {
  private readonly entries: Entry[] = []
  private readonly byPrompt = new Map<string, Entry>()
  private readonly ids = new Set<string>()
  private readonly store = new TextStore()

  constructor(private readonly seed: number) {}

  get length(): number {
    return this.entries.length
  }

  /** Where the prompt of a row was first. */
  whereOf(number: number): string {
    return this.entries[number]!.where
  }

  /** @param number in the order of the file */
  row(number: number): Row {
    const entry = this.entries[number]!
    const [first, ...more] = partsOf(entry).map((place) => JSON.parse(this.store.read(place)) as Part)
    const reference = [first!, ...more].find((part) => part.reference !== undefined)?.reference
    const pairs = [first!, ...more].flatMap((part) => part.pairs ?? [])
    return {
      id: idOf(entry),
      messages: first!.messages!,
      context: first!.context!,
      ...(reference !== undefined && { reference }),
      ...(pairs.length > 0 && { pairs }),
    }
  }

  /** @returns why the draft brings nothing, if it does not */
  add(draft: Draft, where: string): string | undefined {
    const key = keyOf(JSON.stringify(draft.messages))
    const earlier = this.byPrompt.get(key)
    if (earlier) return this.extend(earlier, draft) ? undefined : 'same prompt as an earlier row, and nothing new'
    const { id, messages, context, reference, pairs = [] } = draft
    if (id !== undefined && this.ids.has(id)) return 'same id as an earlier row'
    const entry: Entry = { key, id, where, parts: [], pairs: '', hasReference: reference !== undefined }
    const ordered = this.newPairs(entry, pairs)
    this.keep(entry, {
      messages,
      context,
      ...(reference !== undefined && { reference }),
      ...(ordered.length > 0 && { pairs: ordered }),
    })
    this.entries.push(entry)
    this.byPrompt.set(key, entry)
    if (id !== undefined) this.ids.add(id)
    return undefined
  }

  close(): void {
    this.store.close()
  }

  /**
   * Adds what another row with the same prompt brings: new pairs, or the first reference.
   * @returns whether it has any
   */
  private extend(entry: Entry, { pairs: given = [], reference }: Draft): boolean {
    const pairs = this.newPairs(entry, given)
    const isNewReference = reference !== undefined && !entry.hasReference
    if (pairs.length === 0 && !isNewReference) return false
    entry.hasReference ||= isNewReference
    this.keep(entry, { ...(isNewReference && { reference }), ...(pairs.length > 0 && { pairs }) })
    return true
  }

  private newPairs(entry: Entry, pairs: readonly HumanPair[]): HumanPair[] {
    return pairs.flatMap((pair) => {
      const key = keyOf([...pair.responses].sort().join('\0'))
      const earlier = entry.pairs.length / KEY
      if (Array.from({ length: earlier }, (_, i) => entry.pairs.startsWith(key, i * KEY)).includes(true)) return []
      entry.pairs += key
      const isFirst = earlier === 0 && entry.parts.length === 0
      return [inRandomOrder(pair, `${this.seed} ${idOf(entry)}${isFirst ? '' : ` ${earlier}`}`)]
    })
  }

  private keep(entry: Entry, part: Part): void {
    const { start, bytes } = this.store.append(JSON.stringify(part))
    entry.parts.push(start, bytes)
  }
}

const partsOf = ({ parts }: Entry): TextPlace[] =>
  Array.from({ length: parts.length / 2 }, (_, i) => ({ start: parts[2 * i]!, bytes: parts[2 * i + 1]! }))

/** Swaps half of the pairs: in files that name the better response first, position bias would look like accuracy. */
function inRandomOrder(pair: HumanPair, key: string): HumanPair {
  if (parseInt(inHex(keyOf(key)).slice(0, 8), 16) % 2 === 0) return pair
  const { responses, preferred } = pair
  return { responses: [responses[1], responses[0]], preferred: preferred === 0 ? 0 : preferred === 1 ? 2 : 1 }
}
