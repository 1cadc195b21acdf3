// Sets the search attributes by which a run is found in the UI's list. The server limits their size: with a longer one
// every workflow task would fail, and the run never end.
import { defineSearchAttributeKey } from '@temporalio/common'
import { upsertSearchAttributes } from '@temporalio/workflow'
import { brief } from '../contracts/brief'
import { SEARCH_ATTRIBUTES, type SearchAttribute } from '../contracts/search-attributes'

export function setSearchAttributes(values: Partial<Record<SearchAttribute, string>>): void {
  upsertSearchAttributes(
    Object.entries(values).map(([name, value]) => ({
      key: defineSearchAttributeKey(SEARCH_ATTRIBUTES[name as SearchAttribute], 'KEYWORD'),
      value: brief(value),
    })),
  )
}
