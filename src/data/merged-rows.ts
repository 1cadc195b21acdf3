// Rows by prompt: each prompt is in one row, so that it cannot be on both sides of the split. Memory holds what tells
// rows apart; the rows themselves are in a store of texts.
import { createHash } from 'node:crypto'
import type { Draft, HumanPair, Row } from './row'
import { TextStore, type TextPlace } from './text-store'

const digest = (text: string) => createHash('sha256').update(text).digest('hex').slice(0, 16)

interface Entry {
  id: string
  where: string
  /** What rows with this prompt brought. */
  parts: TextPlace[]
  /** Digests of the pairs. */
  pairs: string[]
  hasReference: boolean
}
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
    const { id, parts } = this.entries[number]!
    const [first, ...more] = parts.map((place) => JSON.parse(this.store.read(place)) as Part)
    const reference = [first!, ...more].find((part) => part.reference !== undefined)?.reference
    const pairs = [first!, ...more].flatMap((part) => part.pairs ?? [])
    return {
      id,
      messages: first!.messages!,
      context: first!.context!,
      ...(reference !== undefined && { reference }),
      ...(pairs.length > 0 && { pairs }),
    }
  }

  /** @returns why the draft brings nothing, if it does not */
  add(draft: Draft, where: string): string | undefined {
    const prompt = digest(JSON.stringify(draft.messages))
    const earlier = this.byPrompt.get(prompt)
    if (earlier) return this.extend(earlier, draft) ? undefined : 'same prompt as an earlier row, and nothing new'
    const id = draft.id ?? prompt
    if (this.ids.has(id)) return 'same id as an earlier row'
    const entry: Entry = { id, where, parts: [], pairs: [], hasReference: draft.reference !== undefined }
    const { messages, context, reference } = draft
    const [first, ...others] = draft.pairs ?? []
    if (first) entry.pairs.push(keyOf(first))
    const pairs = first && [inRandomOrder(first, `${this.seed} ${id}`), ...this.newPairs(entry, others)]
    this.keep(entry, { messages, context, ...(reference !== undefined && { reference }), ...(pairs && { pairs }) })
    this.entries.push(entry)
    this.byPrompt.set(prompt, entry)
    this.ids.add(id)
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
      const key = keyOf(pair)
      if (entry.pairs.includes(key)) return []
      entry.pairs.push(key)
      return [inRandomOrder(pair, `${this.seed} ${entry.id} ${entry.pairs.length - 1}`)]
    })
  }

  private keep(entry: Entry, part: Part): void {
    entry.parts.push(this.store.append(JSON.stringify(part)))
  }
}

const keyOf = ({ responses }: HumanPair) => digest([...responses].sort().join('\0'))

/** Swaps half of the pairs: in files that name the better response first, position bias would look like accuracy. */
function inRandomOrder(pair: HumanPair, key: string): HumanPair {
  if (parseInt(digest(key).slice(0, 8), 16) % 2 === 0) return pair
  const { responses, preferred } = pair
  return { responses: [responses[1], responses[0]], preferred: preferred === 0 ? 0 : preferred === 1 ? 2 : 1 }
}
