// Records of a file that `wandb sync` uploads: the log format of LevelDB, with a header and the checksums of zlib, around
// messages of wandb_internal.proto.
import { crc32 } from 'node:zlib'
import { integer, message, text, type Field } from '../protobuf'

const BLOCK = 32_768
const HEADER = 7
/** Of a record that is whole, and of the parts of one that does not fit into what is left of a block. */
const [FULL, FIRST, MIDDLE, LAST] = [1, 2, 3, 4]

/** The content of a file. @param records messages of type Record, without their numbers */
export function recordFile(records: readonly Field[]): Buffer {
  const head = Buffer.alloc(HEADER)
  head.write(':W&B', 'latin1')
  head.writeUInt16LE(0xbee1, 4)
  const parts: Buffer[] = [head]
  let length = HEADER
  const add = (bytes: Buffer) => {
    parts.push(bytes)
    length += bytes.length
  }
  for (const [i, record] of records.entries()) {
    let rest = Buffer.concat([integer(1, i + 1), record])
    for (let isFirst = true, isDone = false; !isDone; isFirst = false) {
      const left = BLOCK - (length % BLOCK)
      if (isFirst && left < HEADER) add(Buffer.alloc(left))
      const room = BLOCK - (length % BLOCK) - HEADER
      isDone = rest.length <= room
      add(block(isDone ? (isFirst ? FULL : LAST) : isFirst ? FIRST : MIDDLE, rest.subarray(0, room)))
      rest = rest.subarray(room)
    }
  }
  return Buffer.concat(parts)
}

function block(type: number, data: Buffer): Buffer {
  const head = Buffer.alloc(HEADER)
  head.writeUInt32LE(crc32(data, crc32(Buffer.of(type))))
  head.writeUInt16LE(data.length, 4)
  head.writeUInt8(type, 6)
  return Buffer.concat([head, data])
}

// ---- Messages: the fields of Record

const jsonItem = (key: string, value: unknown): Field => message(1, [text(1, key), text(16, JSON.stringify(value))])

export const headerRecord = (): Field => message(21, [message(1, [text(1, '0.18.7'), text(2, '0.13.0')])])

interface WandbRun {
  id: string
  project: string
  entity?: string | undefined
  name: string
  /** In milliseconds since 1970. */
  started: number
  config: Record<string, unknown>
}

export const runRecord = ({ id, project, entity, name, started, config }: WandbRun): Field =>
  message(17, [
    text(1, id),
    ...(entity === undefined ? [] : [text(2, entity)]),
    text(3, project),
    message(4, configItems(config)),
    text(8, name),
    message(17, [integer(1, Math.floor(started / 1000)), integer(2, (started % 1000) * 1_000_000)]),
  ])

const configItems = (config: Record<string, unknown>) =>
  Object.entries(config).map(([key, value]) => jsonItem(key, value))

/** The metrics of a stage have an axis of their own: its steps. */
export const axisRecord = (name: string, axis: string): Field =>
  message(12, [text(1, name), text(4, axis), message(6, [integer(1, 1), integer(3, 1)])])

/** @param number of the row in the history of the run */
export const historyRecord = (number: number, values: Record<string, unknown>): Field =>
  message(2, [...configItems({ ...values, _step: number }), message(2, [integer(1, number)])])

export const summaryRecord = (values: Record<string, unknown>): Field => message(3, configItems(values))

/** Files of the run's folder `files`, to be uploaded. */
export const filesRecord = (paths: readonly string[]): Field =>
  message(
    6,
    paths.map((path) => message(1, [text(1, path), integer(2, 1)])),
  )

export const exitRecord = (code: number, seconds: number): Field => message(18, [integer(1, code), integer(2, seconds)])
