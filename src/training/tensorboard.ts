// Training curves as TensorBoard's event files: `tensorboard --logdir <folder>`. A file is a sequence of records, each an
// Event: the length, its checksum, the message, its checksum.
// https://github.com/tensorflow/tensorflow/blob/master/tensorflow/core/lib/io/record_writer.h, core/util/event.proto
import { appendFileSync, existsSync, mkdirSync, readFileSync, truncateSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { double, float, integer, message, text } from '../protobuf'

interface StageCurves {
  stage: string
  /** One row for each step, with the step's number under `step`. */
  metrics: readonly Record<string, number>[]
}

/** TensorBoard takes the files of a folder with "tfevents" in their names for the curves of one run. */
const EVENTS_FILE = 'events.out.tfevents.0000000000.rlaif'
export const eventsIn = (folder: string): string => join(folder, EVENTS_FILE)

/** Writes one folder for each stage; a stage without metrics gets none. */
export function writeTensorBoard(folder: string, stages: readonly StageCurves[]): void {
  const seconds = Date.now() / 1000
  for (const { stage, metrics } of stages) {
    if (metrics.length === 0) continue
    const file = eventsIn(join(folder, stage))
    lastEventStep(file)
    appendFileSync(file, Buffer.concat(metrics.map((row) => stepEvent(stage, row, seconds))))
  }
}

/** Appends a step; whoever reads the file sees it at once. @param row with the step's number under `step` */
export const appendStep = (file: string, stage: string, row: Record<string, number>, seconds: number): void =>
  appendFileSync(file, stepEvent(stage, row, seconds))

function stepEvent(stage: string, { step = 0, ...values }: Record<string, number>, seconds: number): Buffer {
  const scalars = Object.entries(values).map(([name, value]) =>
    message(1, [text(1, `${stage}/${name}`), float(2, value)]),
  )
  return record(Buffer.concat([double(1, seconds), integer(2, step), message(5, scalars)]))
}

/**
 * The last step in a file, which is begun if there is none; a record that a killed process left incomplete is cut off.
 * @returns 0 for a file without steps
 */
export function lastEventStep(file: string): number {
  if (!existsSync(file)) {
    mkdirSync(dirname(file), { recursive: true })
    appendFileSync(file, record(Buffer.concat([double(1, Date.now() / 1000), text(3, 'brain.Event:2')])))
    return 0
  }
  const bytes = readFileSync(file)
  let [at, last] = [0, 0]
  for (let end = endOf(bytes, at); end !== undefined; at = end, end = endOf(bytes, at)) last = stepOf(bytes, at) ?? last
  if (at < bytes.length) truncateSync(file, at)
  return last
}

// ---- Records

const HEADER = 12
const FOOTER = 4

function record(data: Buffer): Buffer {
  const length = Buffer.alloc(8)
  length.writeBigUInt64LE(BigInt(data.length))
  return Buffer.concat([length, checksum(length), data, checksum(data)])
}

/** Where the record ends that begins there; undefined where it is not whole. */
function endOf(bytes: Buffer, at: number): number | undefined {
  if (at + HEADER > bytes.length) return undefined
  const length = bytes.subarray(at, at + 8)
  const end = at + HEADER + Number(length.readBigUInt64LE()) + FOOTER
  if (!checksum(length).equals(bytes.subarray(at + 8, at + HEADER)) || end > bytes.length) return undefined
  const data = bytes.subarray(at + HEADER, end - FOOTER)
  return checksum(data).equals(bytes.subarray(end - FOOTER, end)) ? end : undefined
}

/** The step behind the time with which our events begin; undefined for one without. */
function stepOf(bytes: Buffer, record: number): number | undefined {
  let at = record + HEADER + 9
  if (bytes[at++] !== 0x10) return undefined
  let [step, scale] = [0, 1]
  for (; ; scale *= 128) {
    const byte = bytes[at++]!
    step += (byte & 0x7f) * scale
    if (byte < 0x80) return step
  }
}

/** CRC-32C, bit-reversed polynomial of Castagnoli. */
const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1
  return crc
})

/** Masked, since a checksum of what contains checksums is weak. */
function checksum(data: Uint8Array): Buffer {
  let crc = 0xffffffff
  for (const byte of data) crc = TABLE[(crc ^ byte) & 0xff]! ^ (crc >>> 8)
  crc ^= 0xffffffff
  const masked = ((crc >>> 15) | (crc << 17)) + 0xa282ead8
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32LE(masked >>> 0)
  return bytes
}
