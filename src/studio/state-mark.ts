// How states, times and durations look on every page.
import { html } from 'hono/html'
import type { RunState } from '../contracts/command-output'
import type { StageStatus } from '../contracts/status'
import { formatDuration } from '../number-format'
import type { Html } from './studio'

const WORDS: Partial<Record<string, string>> = { timedOut: 'timed out' }
const SIGNS: Record<RunState | StageStatus['state'], string> = {
  waiting: '·',
  running: '▸',
  completed: '✓',
  done: '✓',
  reused: '↺',
  skipped: '–',
  parked: '‖',
  failed: '✗',
  cancelled: '✗',
  terminated: '✗',
  timedOut: '✗',
}

/** By sign, word and colour: no reader depends on one of them. */
export const stateMark = (state: RunState | StageStatus['state']): Html =>
  html`<span class="state ${state}"><span aria-hidden="true">${SIGNS[state]}</span> ${WORDS[state] ?? state}</span>`

/** In UTC, as everywhere in rlaif. */
export const timeMark = (at: Date): Html =>
  html`<time datetime="${at.toISOString()}">${at.toISOString().slice(0, 16).replace('T', ' ')}</time>`

export const duration = (seconds: number): Html => html`<span class="nowrap">${formatDuration(seconds)}</span>`
