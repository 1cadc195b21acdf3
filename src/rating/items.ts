// The files of the artifact `rating-items`: what raters see and, in a file of its own, which policy
// wrote each response.
import { join } from 'node:path'
import { itemSchema, itemKeySchema, type Item, type ItemKey } from '../contracts/human-evaluation'
import { readJsonl, writeJsonl } from '../json-lines'

const ITEMS = 'items.jsonl'
const KEYS = 'keys.jsonl'

export const readItems = (folder: string): Item[] => readJsonl(join(folder, ITEMS), itemSchema)
export const readKeys = (folder: string): ItemKey[] => readJsonl(join(folder, KEYS), itemKeySchema)

export function writeItems(folder: string, items: readonly Item[], keys: readonly ItemKey[]): void {
  writeJsonl(join(folder, ITEMS), items)
  writeJsonl(join(folder, KEYS), keys)
}
