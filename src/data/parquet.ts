// The rows of a Parquet file, as JSON lines. The file is decoded in a process of its own: it claims sizes that no check
// of ours foresees, and what it takes in memory and time is bounded relative to its size.
import { spawn, type ChildProcess } from 'node:child_process'
import { fstatSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { InvalidInput } from '../contracts/parse'

/** The compiled program, from src/ as from dist/. */
const PROGRAM = join(__dirname, '..', '..', 'dist', 'data', 'parquet-main.js')

/**
 * Memory and processor time of the process for a file of some bytes: far more than a file takes that is none of an
 * attacker.
 */
const mostMemory = (size: number) => 2 ** 30 + 20 * size
const mostMs = (size: number) => 8_000 + size / 1_000
const LOOK_MS = 50
const PAGE = 4096
/** The unit of processor time in /proc. */
const TICK_MS = 10

/**
 * @param handle of the open file
 * @throws InvalidInput naming the file when it cannot be read, or takes more than a file of its size may
 */
export async function* parquetLines(handle: number, path: string): AsyncGenerator<Uint8Array> {
  const { size } = fstatSync(handle)
  const heap = `--max-old-space-size=${Math.ceil(mostMemory(size) / 2 ** 20)}`
  const child = spawn(process.execPath, [heap, PROGRAM], { stdio: [handle, 'pipe', 'pipe'], env: {} })
  const stop = () => child.kill('SIGKILL')
  process.once('exit', stop)
  const watched = watch(child, size)
  let message = ''
  child.stderr!.setEncoding('utf8').on('data', (text: string) => (message = (message + text).slice(0, 2000)))
  const ended = new Promise<number | null>((resolve, reject) => child.once('error', reject).once('close', resolve))
  try {
    yield* child.stdout!
    const code = await ended
    if (code !== 0)
      throw new InvalidInput(`data: ${path} cannot be read as Parquet: ${watched.fault() ?? reason(message)}`)
  } finally {
    watched.end()
    process.removeListener('exit', stop)
    stop()
  }
}

const reason = (message: string) =>
  /heap out of memory|Allocation failed/i.test(message)
    ? OUT_OF_MEMORY
    : `${message.trim() || 'its process ended'}; is the file complete?`

const OUT_OF_MEMORY = 'it takes more memory than a file of its size may; it is damaged or hostile'

/** Ends the process when it takes too much. */
function watch(child: ChildProcess, size: number): { fault(): string | undefined; end(): void } {
  let fault: string | undefined
  const endFor = (reason: string) => {
    fault ??= reason
    child.kill('SIGKILL')
  }
  const look = setInterval(() => {
    if (residentBytes(child.pid) > mostMemory(size)) endFor(OUT_OF_MEMORY)
    if (processorMs(child.pid) > mostMs(size))
      endFor(`it takes more than ${mostMs(size) / 1000} s of processor time; it is damaged or hostile`)
  }, LOOK_MS)
  return { fault: () => fault, end: () => clearInterval(look) }
}

/** Memory of a process, in bytes. */
const residentBytes = (pid: number | undefined): number => Number(wordsOf(pid, 'statm')[1] ?? 0) * PAGE

/** Processor time of a process, in milliseconds: a busy machine, or a slow reader of its output, costs it none. */
function processorMs(pid: number | undefined): number {
  const [user, system] = wordsOf(pid, 'stat').slice(11, 13)
  return (Number(user ?? 0) + Number(system ?? 0)) * TICK_MS
}

/** What the system says of a process after its name, which may hold spaces; nothing where it does not. */
function wordsOf(pid: number | undefined, file: 'stat' | 'statm'): string[] {
  try {
    const text = readFileSync(`/proc/${pid}/${file}`, 'latin1')
    return text
      .slice(text.lastIndexOf(')') + 1)
      .trim()
      .split(' ')
  } catch {
    return []
  }
}
