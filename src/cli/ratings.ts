// `rlaif ratings`: exports a human evaluation's ratings to files, for other tools, and imports them.
import { readFileSync } from 'node:fs'
import type { WorkflowHandle } from '@temporalio/client'
import { folderOf } from '../artifacts/open-store'
import { ratingMessageSchema, type Item, type Rating, type RatingKind } from '../contracts/human-evaluation'
import { InvalidInput, parse } from '../contracts/parse'
import { evaluationOf } from './rating-run'
import { readItems } from '../rating/items'
import { labelStudioConfig, toLabelStudio } from '../rating/label-studio'
import { fromLabelStudio, usersIn } from '../rating/label-studio-export'
import { withoutMark } from '../text-file'
import { openHome } from '../workers/home'
import type { Connected } from './connection'
import { existingRun } from './existing-run'

/** The raters that a run was started with. */
export async function ratersOf(handle: WorkflowHandle): Promise<string[]> {
  const { raters } = await stateOf(handle)
  return raters
}

interface State {
  kind: RatingKind
  raters: string[]
  items?: string
  ratings: Rating[]
}
const stateOf = (handle: WorkflowHandle) => handle.query<State>('ratings')

async function itemsAndState(
  connected: Connected,
  run: string,
): Promise<{ handle: WorkflowHandle; state: State; items: Item[] }> {
  const handle = await existingRun(connected, run)
  const state = await stateOf(handle)
  if (state.items === undefined) throw new InvalidInput(`ratings: the items of ${run} are still being drawn`)
  return { handle, state, items: readItems(await folderOf(openHome(), state.items)) }
}

export type Format = 'jsonl' | 'label-studio'
export function ratingsFormat(given: string): Format {
  if (given === 'jsonl' || given === 'label-studio') return given
  throw new InvalidInput(`--format got "${given}"; it must be jsonl or label-studio`)
}

/** @returns the text of a file: every rating as JSONL, or Label Studio's tasks with the ratings as annotations */
export async function exportRatings(connected: Connected, run: string, format: Format): Promise<string> {
  const { state, items } = await itemsAndState(connected, run)
  if (format === 'label-studio') return `${JSON.stringify(toLabelStudio(items, state), null, 2)}\n`
  return state.ratings
    .map(
      ([item, rater, answer, seconds]) => `${JSON.stringify({ rater: state.raters[rater], item, answer, seconds })}\n`,
    )
    .join('')
}

/** The text for Label Studio's "Labeling Interface". */
export async function labelingConfig(connected: Connected, run: string): Promise<string> {
  const { state, items } = await itemsAndState(connected, run)
  return labelStudioConfig(state.kind, items[0]!.responses.length)
}

interface ImportedFile {
  file: string
  /** Who the users of Label Studio are, as USER=RATER. */
  users: readonly string[]
}

/** Sends the ratings of a file to the run. @returns their number */
export async function importRatings(
  connected: Connected,
  run: string,
  { file, users }: ImportedFile,
  onEach: (done: number, total: number) => void,
): Promise<number> {
  const { handle, state, items } = await itemsAndState(connected, run)
  const text = withoutMark(readFileSync(file, 'utf8'))
  const ratings = text.trimStart().startsWith('[')
    ? fromLabelStudio(JSON.parse(text), { ...state, items, users: usersIn(users) })
    : text
        .split('\n')
        .filter((line) => line.trim())
        .map((line, i) => parse(ratingMessageSchema, JSON.parse(line), `ratings: ${file}, line ${i + 1}`))
  const evaluation = evaluationOf(handle, openHome())
  for (const [i, rating] of ratings.entries()) {
    await evaluation.rate({ ...rating, imported: true })
    onEach(i + 1, ratings.length)
  }
  return ratings.length
}
