// Sets the search attributes by which a run is found in the UI's list.
import { defineSearchAttributeKey } from '@temporalio/common'
import { upsertSearchAttributes } from '@temporalio/workflow'
import { SEARCH_ATTRIBUTES, type SearchAttribute } from '../contracts/search-attributes'

export function setSearchAttributes(values: Partial<Record<SearchAttribute, string>>): void {
  upsertSearchAttributes(
    Object.entries(values).map(([name, value]) => ({
      key: defineSearchAttributeKey(SEARCH_ATTRIBUTES[name as SearchAttribute], 'KEYWORD'),
      value,
    })),
  )
}
