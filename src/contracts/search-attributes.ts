// Search attributes of runs in the UI's list, e.g. `RlaifStatus = "parked"`. All have the type Keyword; workers
// register them when they start.

export const SEARCH_ATTRIBUTES = {
  /** "running", "parked", "done" or "failed". */
  status: 'RlaifStatus',
  /** The stage that is running or parked. */
  stage: 'RlaifStage',
  method: 'RlaifMethod',
  task: 'RlaifTask',
} as const
export type SearchAttribute = keyof typeof SEARCH_ATTRIBUTES
