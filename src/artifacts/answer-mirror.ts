// Labelers' answers in a bucket. A file of answers only grows, and each is written by one process; the bucket holds it in
// ranges of its bytes, which are written once:
//
//   answers/<shelf>/<writer>.<from>-<to>.jsonl      bytes from … to − 1 of <shelf>/<writer>.jsonl
//   answers/<file>.jsonl                            a whole file, of an earlier version
//
// What a machine has of another's file is its beginning, so the length of the file says what is missing. Ranges may
// overlap: two that begin alike hold the same bytes.
import { randomUUID } from 'node:crypto'
import {
  appendFileSync,
  closeSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readSync,
  renameSync,
  rmSync,
  statSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { largest } from '../extremes'
import { ANSWERS_FOLDER } from './answers'
import type { Bucket } from './bucket'
import type { Mirror } from './mirror'
import { forEachOf } from './s3-transfer'

/** The most bytes of one range, unless a line is longer. */
const RANGE_BYTES = 4 * 1024 ** 2
/** What a stage wrote in several ranges is one range in the end if it has at most this many bytes. */
const MERGED_BYTES = 1024 ** 2
/** A file that nobody has written to for so long has no process any more that copies it. */
const ABANDONED_MS = 60_000
const PARTIAL = '.partial-'
const RANGE = /^([\w-]+)\.(\d+)-(\d+)\.jsonl$/
const FILE = /^[\w-]+\.jsonl$/

/** A file of answers, on this machine below `folder` and in the bucket. */
interface AnswerFile {
  shelf: string
  writer: string
}
interface Range {
  from: number
  to: number
}

const pathOf = (folder: string, { shelf, writer }: AnswerFile) => join(folder, shelf, `${writer}.jsonl`)
const digits = (offset: number) => String(offset).padStart(12, '0')
const keyOf = ({ shelf, writer }: AnswerFile, { from, to }: Range) =>
  `${ANSWERS_FOLDER}/${shelf}/${writer}.${digits(from)}-${digits(to)}.jsonl`
const sizeOf = (file: string) => statSync(file, { throwIfNoEntry: false })?.size ?? 0

// ---- To the bucket

/**
 * Copies what one process writes to the bucket, each byte once.
 * @param folder of the answers on this machine
 * @param writer the process's file on each shelf
 */
export function answerMirror(bucket: Bucket, folder: string, writer: string): Mirror {
  const sent = new Map<string, Range[]>()
  const shelves = () =>
    existsSync(folder) ? readdirSync(folder).filter((shelf) => existsSync(pathOf(folder, { shelf, writer }))) : []
  const push = async () => {
    for (const shelf of shelves()) {
      const ranges = sent.get(shelf) ?? []
      sent.set(shelf, ranges)
      await sendRest(bucket, folder, { shelf, writer }, ranges)
    }
  }
  return {
    push,
    async close() {
      await push()
      for (const [shelf, ranges] of sent) await merge(bucket, folder, { shelf, writer }, ranges)
    },
  }
}

/** Sends the whole lines that are not sent yet. @param sent receives each range as it arrives */
async function sendRest(bucket: Bucket, folder: string, file: AnswerFile, sent: Range[]): Promise<void> {
  for (;;) {
    const from = sent.at(-1)?.to ?? 0
    const text = wholeLines(pathOf(folder, file), from)
    if (text.length === 0) return
    const range = { from, to: from + text.length }
    await bucket.write(keyOf(file, range), text.toString('utf8'))
    sent.push(range)
  }
}

/** A small file in one range: a bucket is not to hold an object for every ten seconds of every stage. */
async function merge(bucket: Bucket, folder: string, file: AnswerFile, sent: readonly Range[]): Promise<void> {
  const all = { from: 0, to: sent.at(-1)?.to ?? 0 }
  if (sent.length < 2 || all.to > MERGED_BYTES) return
  await bucket.write(keyOf(file, all), wholeLines(pathOf(folder, file), 0).toString('utf8'))
  await bucket.remove(sent.map((range) => keyOf(file, range)))
}

/** The whole lines of a file from an offset on, as many as fit into a range and at least one if there is one. */
function wholeLines(file: string, from: number): Buffer {
  const handle = openSync(file, 'r')
  try {
    for (let bytes = RANGE_BYTES; ; bytes *= 2) {
      const chunk = Buffer.alloc(Math.min(bytes, Math.max(0, sizeOf(file) - from)))
      const read = readSync(handle, chunk, 0, chunk.length, from)
      const end = chunk.subarray(0, read).lastIndexOf(10) + 1
      if (end > 0 || read < bytes) return chunk.subarray(0, end)
    }
  } finally {
    closeSync(handle)
  }
}

// ---- From the bucket

const FILES_AT_ONCE = 16
/** A stage that ends merges its ranges: they are then listed again. */
const LISTINGS = 3

/**
 * Copies what is missing of a shelf to this machine; and to the bucket what a process of this machine that is gone left
 * here.
 */
export async function fetchShelf(bucket: Bucket, folder: string, shelf: string): Promise<void> {
  await fetchWholeFiles(bucket, folder)
  const found = await fetchRanges(bucket, folder, shelf)
  for (const writer of abandoned(join(folder, shelf)))
    await sendRest(bucket, folder, { shelf, writer }, sentOf(found.get(writer) ?? []))
}

const sentOf = (ranges: readonly Range[]): Range[] => [
  {
    from: 0,
    to: largest(
      ranges.map(({ to }) => to),
      0,
    ),
  },
]

/** @returns what the bucket has of each file */
async function fetchRanges(bucket: Bucket, folder: string, shelf: string): Promise<Map<string, Range[]>> {
  for (let tries = 0; ; tries++) {
    const found = await rangesOn(bucket, shelf)
    let isMerged = false
    const fetch = async ([writer, ranges]: [string, Range[]]) => {
      if (!(await fetchFile(bucket, folder, { shelf, writer }, ranges))) isMerged = true
    }
    await forEachOf([...found], fetch, FILES_AT_ONCE)
    if (!isMerged || tries === LISTINGS) return found
  }
}

/** By file, in their order. */
async function rangesOn(bucket: Bucket, shelf: string): Promise<Map<string, Range[]>> {
  const found = new Map<string, Range[]>()
  const prefix = `${ANSWERS_FOLDER}/${shelf}/`
  for (const { key } of await bucket.list(prefix)) {
    const [, writer, from, to] = RANGE.exec(key.slice(prefix.length)) ?? []
    if (writer === undefined) continue
    const ranges = found.get(writer) ?? []
    ranges.push({ from: Number(from), to: Number(to) })
    found.set(writer, ranges)
  }
  for (const ranges of found.values()) ranges.sort((a, b) => a.from - b.from || b.to - a.to)
  return found
}

/** @returns false if a range is not there any more */
async function fetchFile(bucket: Bucket, folder: string, file: AnswerFile, ranges: readonly Range[]): Promise<boolean> {
  const target = pathOf(folder, file)
  const had = sizeOf(target)
  if (ranges.every(({ to }) => to <= had)) return true
  const staging = `${target}${PARTIAL}${randomUUID()}`
  mkdirSync(dirname(target), { recursive: true })
  try {
    if (had > 0) copyFileSync(target, staging)
    for (let at = sizeOf(staging); ; at = sizeOf(staging)) {
      const next = ranges.find(({ from, to }) => from <= at && to > at)
      if (!next) break
      const bytes = Buffer.from((await bucket.read(keyOf(file, next)))?.text ?? '')
      if (bytes.length !== next.to - next.from) return false
      appendFileSync(staging, bytes.subarray(at - next.from))
    }
    if (existsSync(staging)) renameSync(staging, target)
    return true
  } finally {
    rmSync(staging, { force: true })
  }
}

/** Files of processes that are gone. Others are copied by whoever runs them. */
function abandoned(shelf: string): string[] {
  const names = existsSync(shelf) ? readdirSync(shelf).filter((name) => FILE.test(name)) : []
  return names
    .filter((name) => Date.now() - statSync(join(shelf, name)).mtimeMs > ABANDONED_MS)
    .map((name) => name.slice(0, -'.jsonl'.length))
}

/** Answers of earlier versions, which any labeler may have given. */
async function fetchWholeFiles(bucket: Bucket, folder: string): Promise<void> {
  const prefix = `${ANSWERS_FOLDER}/`
  const files = (await bucket.list(prefix, 'directly below'))
    .map(({ key, bytes }) => ({ key, bytes, target: join(folder, key.slice(prefix.length)) }))
    .filter(({ key, bytes, target }) => FILE.test(key.slice(prefix.length)) && bytes > sizeOf(target))
  await forEachOf(files, ({ key, target }) => fetchWhole(bucket, key, target), FILES_AT_ONCE)
}

async function fetchWhole(bucket: Bucket, key: string, target: string): Promise<void> {
  const staging = `${target}${PARTIAL}${randomUUID()}`
  try {
    await bucket.download(key, staging)
    renameSync(staging, target)
  } finally {
    rmSync(staging, { force: true })
  }
}
