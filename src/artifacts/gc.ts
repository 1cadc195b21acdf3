// What nobody needs in the store any more. Young things stay, and with all that they were made from: reports and studies,
// what open runs use, and what people have pinned. Where the places are: clearable.ts.

/** Something in a store, known by its URI. */
export interface Stored {
  uri: string
  bytes: number
  /** When it was last written or found again. */
  time: number
  /** Stage of a finished artifact, and the artifacts it was made from. */
  stage?: string
  inputs?: string[]
  /** The sweep that it reports on, and its night, or when it ended: sorts by time. */
  sweep?: { name: string; night: string }
  /** What it is, if it is not a finished artifact. */
  leftover?: string
}

export interface Garbage extends Stored {
  why: string
}

/** A store that can be searched and cleared. */
export interface Clearable {
  contents(): Promise<Stored[]>
  remove(uris: readonly string[]): Promise<void>
  /** The artifacts that people have pinned. */
  pins(): Promise<string[]>
  pin(uri: string): Promise<void>
  unpin(uri: string): Promise<void>
}

/** What stays. */
export interface Keep {
  /** Everything younger, except what only the earlier nights of `sweep` need. */
  days: number
  /** Artifacts that open runs name or that are pinned. */
  needed?: ReadonlySet<string>
  /** Labelers' answers that nobody has added to for so many days go; without it, none do. */
  answersDays?: number | undefined
  /** When the oldest open run was started: unfinished work that was touched since may be its. */
  openSince?: number | undefined
  /** Of the nights of this sweep, only the last so many keep more than their reports. */
  sweep?: { name: string; last: number } | undefined
}

/** What people read: these stay, and everything they were made from. */
const ROOTS = new Set(['report', 'study', 'comparison', 'human-results', 'sweep-report', 'claims'])
const DAY_MS = 86_400_000
export const UNFINISHED = 'an unfinished stage that nothing has touched since'
export const ANSWERS = 'answers of a labeler, none of them new'
/** In a home, outside its store; of one machine. */
export const CURVES = 'curves as they were drawn during a run; its artifacts have them too'
/** What a run that is still open may go on with. */
const OF_OPEN_RUNS: ReadonlySet<string | undefined> = new Set([UNFINISHED, CURVES])

/** What may be removed. */
export function findGarbage(contents: readonly Stored[], keep: Keep, now = Date.now()): Garbage[] {
  const byUri = new Map(contents.map((stored) => [stored.uri, stored]))
  const nights = earlierNights(contents, keep)
  const reported = reachable(byUri, nights) // with what only they need
  const isRoot = ({ stage }: Stored) => stage !== undefined && ROOTS.has(stage)
  const isOld = ({ uri, time }: Stored) =>
    now - time > (reported.has(uri) ? Math.min(1, keep.days) : keep.days) * DAY_MS
  const isKept = (stored: Stored) =>
    keep.needed?.has(stored.uri) || !isOld(stored) || (isRoot(stored) && !reported.has(stored.uri))
  const needed = reachable(
    byUri,
    contents.filter(isKept).map(({ uri }) => uri),
    new Set(nights),
  )
  return contents.filter(isOld).flatMap((stored): Garbage[] => {
    const { uri, leftover, time } = stored
    if (leftover === ANSWERS && !(now - time > (keep.answersDays ?? Infinity) * DAY_MS)) return []
    if (OF_OPEN_RUNS.has(leftover) && keep.openSince !== undefined && time >= keep.openSince) return []
    if (leftover !== undefined) return [{ ...stored, why: leftover }]
    if (needed.has(uri) || isRoot(stored)) return []
    return [{ ...stored, why: reported.has(uri) ? 'only earlier nights need it' : 'no report needs it' }]
  })
}

/** The reports of the nights of a sweep before the last ones. */
function earlierNights(contents: readonly Stored[], { sweep }: Keep): string[] {
  if (!sweep) return []
  return contents
    .filter((stored) => stored.stage === 'sweep-report' && stored.sweep?.name === sweep.name)
    .sort((a, b) => (a.sweep!.night < b.sweep!.night ? 1 : -1))
    .slice(sweep.last)
    .map(({ uri }) => uri)
}

/** What some artifacts were made from, and they themselves. @param ends of these, not what they were made from */
function reachable(
  byUri: ReadonlyMap<string, Stored>,
  from: readonly string[],
  ends: ReadonlySet<string> = new Set(),
): Set<string> {
  const seen = new Set<string>()
  const waiting = [...from]
  for (let uri = waiting.pop(); uri !== undefined; uri = waiting.pop()) {
    if (seen.has(uri)) continue
    seen.add(uri)
    if (!ends.has(uri)) for (const input of byUri.get(uri)?.inputs ?? []) waiting.push(input)
  }
  return seen
}
