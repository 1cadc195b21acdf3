// The pages of the studio.
import { addNights } from './pages/nights'
import { addPairs } from './pages/pairs'
import { addResponses } from './pages/responses'
import { addRun } from './pages/run'
import { addRunInput } from './pages/run-input'
import { addRunList } from './pages/run-list'
import { addSchedules } from './pages/schedules'
import { addStart } from './pages/start'
import type { AddPage } from './studio'

export const PAGES: readonly AddPage[] = [
  addRunList,
  addRun,
  addRunInput,
  addResponses,
  addPairs,
  addSchedules,
  addNights,
  addStart,
]
