// Area `files`: tokenizer.json, chat templates, gzipped and Parquet datasets. Each input is read or refused with a
// message, within 10 s and 2 GB. Processes of their own read them; this one looks at their memory and ends those that
// hang.
import { fork } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { KINDS } from './file-inputs.mjs'

export const describe = 'tokenizers, chat templates, gzip and Parquet: each within 10 s and 2 GB'

const MOST_MS = 10_000
const MOST_BYTES = 2e9
const HUNG_MS = 30_000
const LOOK_MS = 100
const READER = fileURLToPath(new URL('./file-reader.mjs', import.meta.url))

/** @returns findings, one line each */
export async function fuzz({ count, seed, jobs }) {
  const started = Date.now()
  const state = { next: 0, count, seed, findings: [], worst: {}, peak: 0, outcomes: {} }
  await Promise.all(Array.from({ length: Math.min(jobs, count) }, () => readAll(state)))
  for (const [kind, { ms, index, read, refused }] of Object.entries(state.worst).sort())
    console.log(`${kind}: ${read} read, ${refused} refused; slowest ${(ms / 1000).toFixed(1)} s (input ${index})`)
  console.log(
    `${count} inputs, seed ${seed}, ${((Date.now() - started) / 1000).toFixed(0)} s; ` +
      `peak memory of a process with those it started: ${(state.peak / 1e6).toFixed(0)} MB`,
  )
  return state.findings
}

/** Reads inputs in one process after the other, until there are no more. */
async function readAll(state) {
  while (state.next < state.count) await readInProcess(state)
}

/** Ends with the process: after the last input, or when an input has ended it. */
function readInProcess(state) {
  return new Promise((resolve) => {
    const child = fork(READER, [String(state.seed)], { stdio: ['ignore', 'ignore', 'pipe', 'ipc'] })
    let current
    let since = Date.now()
    let stderr = ''
    child.stderr.on('data', (text) => (stderr = `${stderr}${text}`.slice(-300)))
    const found = (what) => state.findings.push(`input ${current} (${KINDS[current % KINDS.length]}): ${what}`)
    const give = () => {
      since = Date.now()
      current = state.next < state.count ? state.next++ : undefined
      if (current === undefined) child.disconnect()
      else child.send(current)
    }
    const look = setInterval(() => {
      const bytes = memoryOf(child.pid)
      state.peak = Math.max(state.peak, bytes)
      const hangs = current !== undefined && Date.now() - since > HUNG_MS
      if (bytes <= MOST_BYTES && !hangs) return
      found(hangs ? `still read after ${HUNG_MS / 1000} s` : `takes ${(bytes / 1e6).toFixed(0)} MB`)
      current = undefined
      child.kill('SIGKILL')
    }, LOOK_MS)
    child.on('message', ({ ms, finding, refused }) => {
      if (ms === undefined) return give()
      note(state, current, { ms, refused })
      if (finding) found(finding)
      if (ms > MOST_MS) found(`takes ${(ms / 1000).toFixed(1)} s`)
      give()
    })
    child.on('exit', (code, signal) => {
      clearInterval(look)
      if (current !== undefined) found(`ended its process (${signal ?? code}): ${stderr.trim()}`)
      resolve()
    })
  })
}

function note({ worst }, index, { ms, refused }) {
  const of = (worst[KINDS[index % KINDS.length]] ??= { ms: -1, index, read: 0, refused: 0 })
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
