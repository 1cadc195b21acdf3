// The file of stage `revise` with what was written about each response, for reports.
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { readJsonl } from '../json-lines'

export const REVISIONS_FILE = 'revisions.jsonl'

const revisionSchema = z.object({
  id: z.string(),
  context: z.string(),
  response: z.string(),
  rounds: z.array(z.object({ principle: z.string(), critique: z.string(), revision: z.string() })),
  failed: z.string().exactOptional(),
})
export type RevisionRow = z.infer<typeof revisionSchema>

/** The first few. */
export const readRevisions = (folder: string, most: number): RevisionRow[] =>
  existsSync(join(folder, REVISIONS_FILE))
    ? readJsonl(join(folder, REVISIONS_FILE), revisionSchema, { from: 0, to: most })
    : []
