// How runs stand, asked anew at most once a second however many parts of however many pages show it.
import { existingRun } from '../runs/existing-run'
import { viewOf, type RunView } from '../runs/run-view'
import type { Studio } from './studio'

const FRESH_MS = 1_000

const asked = new Map<string, Promise<RunView>>()

/** @throws InvalidInput when there is no such run */
export function viewOfRun({ connected }: Studio, id: string): Promise<RunView> {
  const known = asked.get(id)
  if (known) return known
  const view = existingRun(connected, id).then((handle) => viewOf(connected, handle))
  asked.set(id, view)
  const forget = () => void asked.delete(id)
  view.then(() => setTimeout(forget, FRESH_MS).unref(), forget)
  return view
}

/** A run has been told something: what was known of it no longer holds. */
export const forgetView = (id: string): void => void asked.delete(id)
