// Gives inputs by their numbers to processes that read them, one input at a time in each, looks at their memory, ends
// those that hang, and collects what they find.
import { fork } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const LOOK_MS = 100
/** Memory that an input may take. */
const MOST_BYTES = 2e9

/**
 * A reader is a module of this folder, started with the seed, that sends {} when it is ready; it answers the number of
 * an input with { ms, refused, finding }, and ends when the channel closes. Prints what was read and how long it took.
 *
 * @param reader `program`, the module's name; `kinds`, names of the kinds of inputs, of which input i is of number i
 *   modulo their number; `mostMs` for one input; `hungMs`, after which a process is ended
 * @param run `count` inputs in all, made with `seed`, read by `jobs` processes
 * @returns findings, one line each
 */
export async function readAll(reader, { count, seed, jobs }) {
  const started = Date.now()
  const program = fileURLToPath(new URL(reader.program, import.meta.url))
  const state = { reader: { ...reader, program }, seed, count, next: 0, findings: [], worst: {}, peak: 0 }
  const readOn = async () => {
    while (state.next < state.count) await readInProcess(state)
  }
  await Promise.all(Array.from({ length: Math.min(jobs, count) }, readOn))
  const lines = Object.entries(state.worst)
    .sort()
    .map(
      ([kind, { ms, index, read, refused }]) =>
        `${kind}: ${read} read, ${refused} refused; slowest ${(ms / 1000).toFixed(ms < 1000 ? 3 : 1)} s (input ${index})`,
    )
  const seconds = ((Date.now() - started) / 1000).toFixed(0)
  const memory = `${(state.peak / 1e6).toFixed(0)} MB`
  lines.push(`${count} inputs, seed ${seed}, ${seconds} s; peak memory of a process with those it started: ${memory}`)
  for (const line of lines) console.log(line)
  return state.findings
}

/** Ends with the process: after the last input, or when an input has ended it. */
function readInProcess(state) {
  const { program, kinds, mostMs, hungMs } = state.reader
  return new Promise((resolve) => {
    const child = fork(program, [String(state.seed)], { stdio: ['ignore', 'ignore', 'pipe', 'ipc'] })
    let current
    let since = Date.now()
    let stderr = ''
    child.stderr.on('data', (text) => (stderr = `${stderr}${text}`.slice(-600)))
    const found = (what) => state.findings.push(`input ${current} (${kinds[current % kinds.length]}): ${what}`)
    let isSecondTry = false
    const give = () => {
      since = Date.now()
      isSecondTry = false
      current = state.next < state.count ? state.next++ : undefined
      if (current === undefined) child.disconnect()
      else child.send(current)
    }
    const look = setInterval(() => {
      const bytes = memoryOf(child.pid)
      state.peak = Math.max(state.peak, bytes)
      const hangs = current !== undefined && Date.now() - since > hungMs
      if (bytes <= MOST_BYTES && !hangs) return
      found(hangs ? `still read after ${hungMs / 1000} s` : `takes ${(bytes / 1e6).toFixed(0)} MB`)
      current = undefined
      child.kill('SIGKILL')
    }, LOOK_MS)
    child.on('message', ({ ms, finding, refused }) => {
      if (ms === undefined) return give()
      if (ms > mostMs && !isSecondTry) {
        isSecondTry = true // the machine may have been busy
        since = Date.now()
        return child.send(current)
      }
      note(state, current, { ms, refused })
      if (finding) found(finding)
      if (ms > mostMs) found(`takes ${(ms / 1000).toFixed(1)} s`)
      give()
    })
    child.on('exit', (code, signal) => {
      clearInterval(look)
      if (current !== undefined) found(`ended its process (${signal ?? code}): ${stderr.trim()}`)
      else if (code) state.findings.push(`a reader cannot start (${code}): ${stderr.trim()}`)
      if (code && current === undefined) state.next = state.count
      resolve()
    })
  })
}

function note({ reader: { kinds }, worst }, index, { ms, refused }) {
  const of = (worst[kinds[index % kinds.length]] ??= { ms: -1, index, read: 0, refused: 0 })
  of[refused ? 'refused' : 'read']++
  if (ms > of.ms) Object.assign(of, { ms, index })
}

/** Resident bytes of a process and of those it started. */
function memoryOf(pid) {
  try {
    const children = readdirSync(`/proc/${pid}/task`).flatMap((task) =>
      readFileSync(`/proc/${pid}/task/${task}/children`, 'latin1').split(' ').filter(Boolean),
    )
    const pages = Number(readFileSync(`/proc/${pid}/statm`, 'latin1').split(' ')[1])
    return children.reduce((sum, child) => sum + memoryOf(child), pages * 4096)
  } catch {
    return 0 // it has ended
  }
}
