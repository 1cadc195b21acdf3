// The record of this home's local Temporal server: what other commands find it by.
import { existsSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { ask } from '../http/ask'
import { replacePrivateFile } from '../private-files'

const recordSchema = z.object({
  /** Process of the server. */
  pid: z.int().positive(),
  /** Process that runs the workers and the door of the UI (ui-door.ts), and stops the server. */
  owner: z.int().positive(),
  /** host:port of the gRPC service. */
  address: z.string(),
  /** Base address of the UI for people. */
  ui: z.url(),
  /** Port of the UI itself. */
  innerUi: z.int().positive(),
  /** Port of the HTTP API, and the only host that it answers to: nobody else knows the name. */
  api: z.object({ port: z.int().positive(), host: z.string() }),
})
export type ServerRecord = z.infer<typeof recordSchema>

const recordFile = (home: string) => join(home, 'server.json')

export const writeRecord = (home: string, record: ServerRecord): void =>
  replacePrivateFile(recordFile(home), JSON.stringify(record))

export const removeRecord = (home: string): void => rmSync(recordFile(home), { force: true })

/** The record of a home. @throws when there is none that can be read */
export const recordOf = (home: string): ServerRecord =>
  recordSchema.parse(JSON.parse(readFileSync(recordFile(home), 'utf8')))

/** A record that cannot be read is removed, and said to be. */
function readRecord(home: string): ServerRecord | undefined {
  if (!existsSync(recordFile(home))) return undefined
  try {
    return recordOf(home)
  } catch {
    process.stderr.write(
      `start: ${recordFile(home)} is damaged or of another version, so a Temporal server that still runs for this home ` +
        'is not found; end it if there is one\n',
    )
    removeRecord(home)
    return undefined
  }
}

/** Whether a process with this id exists, whoever owns it. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

/** This home's running server, if any. */
export function runningServer(home: string): ServerRecord | undefined {
  const record = readRecord(home)
  return record && isAlive(record.pid) ? record : undefined
}

/**
 * Whether the server of the record answers, and not one of another home or user that has its ports or process id now:
 * the name of its API's host is random.
 */
export const isItself = ({ api: { port, host } }: Pick<ServerRecord, 'api'>): Promise<boolean> =>
  ask(port, '/api/v1/system-info', host).then(
    ({ status }) => status === 200,
    () => false,
  )
