// What runs can be found by in the UI's list, e.g. `RlaifStatus = "parked"`. All are keywords, registered when workers start.

export const SEARCH_ATTRIBUTES = {
  /** running, parked, done or failed. */
  status: 'RlaifStatus',
  /** The stage that runs or is parked. */
  stage: 'RlaifStage',
  method: 'RlaifMethod',
  task: 'RlaifTask',
} as const
export type SearchAttribute = keyof typeof SEARCH_ATTRIBUTES
