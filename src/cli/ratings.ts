// `rlaif ratings`: exports a human evaluation's ratings to files, for other tools, and imports them.
import type { WorkflowHandle } from '@temporalio/client'
import { folderOf } from '../artifacts/open-store'
import { ratingMessageSchema, type Item, type Rating, type RatingKind } from '../contracts/human-evaluation'
import { InvalidInput, parse } from '../contracts/parse'
import { evaluationOf } from './rating-run'
import { readItems } from '../rating/items'
import { labelStudioConfig, toLabelStudio } from '../rating/label-studio'
import { fromLabelStudio, usersIn } from '../rating/label-studio-export'
import { openHome } from '../workers/home'
import type { Connected } from '../runs/connection'
import { runOf } from '../runs/existing-run'
import { parseGivenJson } from '../runs/given-json'
import { readTextFile } from '../runs/system-fault'
import { requireWorkers } from '../runs/workers-up'

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
  const { handle } = await runOf(connected, run, 'humanEvaluation', 'ratings')
  await requireWorkers(connected, 'ratings')
  const state = await stateOf(handle)
  if (state.items === undefined)
    throw new InvalidInput(`ratings: the items of ${run} are still being drawn; try again in a moment`)
  return { handle, state, items: readItems(await folderOf(openHome(), state.items)) }
}

export const FORMATS = ['jsonl', 'label-studio'] as const
export type Format = (typeof FORMATS)[number]

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

const ratingIn = (line: string, where: string) => parse(ratingMessageSchema, parseGivenJson(line, where), where)

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
  const text = readTextFile(file)
  const ratings = text.trimStart().startsWith('[')
    ? fromLabelStudio(parseGivenJson(text, `ratings: ${file}`), { ...state, items, users: usersIn(users) })
    : text
        .split('\n')
        .filter((line) => line.trim())
        .map((line, i) => ratingIn(line, `ratings: ${file}, line ${i + 1}`))
  const evaluation = evaluationOf(handle, openHome())
  for (const [i, rating] of ratings.entries()) {
    await evaluation.rate({ ...rating, imported: true })
    onEach(i + 1, ratings.length)
  }
  return ratings.length
}
