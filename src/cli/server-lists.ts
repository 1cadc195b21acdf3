// Runs and schedules for completion: from a server that is known to run, within the time that a person waits at Tab.
import { homeFolder } from '../workers/home'
import { configuredServer } from '../workers/temporal'
import type { ServerLists } from './completion'
import { withConnection, type Connected } from '../runs/connection'
import { runningServer } from '../runs/server-record'
import { PARKED, quoted } from '../runs/started-runs'

const MOST = 50
const PATIENCE_MS = 2_000
const OF_PEOPLE = 'WorkflowType = "humanEvaluation"'
const ENDED = 'ExecutionStatus = "Completed"'

/** By the name of a command: which runs it can take. Others take all. */
const TAKES = new Map([
  ['resolve', PARKED],
  ['rate', `${OF_PEOPLE} AND ExecutionStatus = "Running"`],
  ['export', ENDED],
  ['import', OF_PEOPLE],
  ['config', OF_PEOPLE],
  ['report', ENDED],
  ['pin', ENDED],
  ['unpin', ENDED],
])

export const serverLists: ServerLists = {
  runs: (prefix, command) =>
    listed(async ({ client }) => {
      const query = [TAKES.get(command), prefix && `WorkflowId STARTS_WITH ${quoted(prefix)}`]
      return idsOf(client.workflow.list({ query: query.filter(Boolean).join(' AND ') }), ({ workflowId }) => workflowId)
    }),
  schedules: () => listed(async ({ client }) => idsOf(client.schedule.list(), ({ scheduleId }) => scheduleId)),
}

async function idsOf<T>(found: AsyncIterable<T>, idOf: (one: T) => string): Promise<string[]> {
  const ids = new Set<string>()
  for await (const one of found) if (ids.add(idOf(one)).size === MOST) break
  return [...ids]
}

/** Nothing where no server runs, or none answers in time. */
async function listed(ask: (connected: Connected) => Promise<string[]>): Promise<string[]> {
  if (!configuredServer() && !runningServer(homeFolder())) return []
  const tooLate = new Promise<string[]>((resolve) => setTimeout(() => resolve([]), PATIENCE_MS).unref())
  return Promise.race([withConnection(ask).catch(() => []), tooLate])
}
