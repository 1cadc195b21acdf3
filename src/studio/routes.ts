// The pages of the studio.
import { addRunList } from './pages/run-list'
import type { AddPage } from './studio'

export const PAGES: readonly AddPage[] = [addRunList]
