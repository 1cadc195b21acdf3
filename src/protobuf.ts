// Messages in the wire format of protocol buffers, written field by field: for the few that other tools' files hold.
// https://protobuf.dev/programming-guides/encoding/

/** Bytes of a field, with its number and type in front. */
export type Field = Uint8Array

const VARINT = 0
const FIXED64 = 1
const BYTES = 2
const FIXED32 = 5

function varint(value: number | bigint): Uint8Array {
  const bytes: number[] = []
  let rest = BigInt.asUintN(64, BigInt(value))
  do {
    const low = Number(rest & 0x7fn)
    rest >>= 7n
    bytes.push(rest > 0n ? low | 0x80 : low)
  } while (rest > 0n)
  return Uint8Array.from(bytes)
}

const tagged = (field: number, type: number, ...parts: Uint8Array[]): Field =>
  Buffer.concat([varint((field << 3) | type), ...parts])

/** An int32, int64, uint32, bool or enum. */
export const integer = (field: number, value: number | bigint): Field => tagged(field, VARINT, varint(value))

export function double(field: number, value: number): Field {
  const bytes = Buffer.alloc(8)
  bytes.writeDoubleLE(value)
  return tagged(field, FIXED64, bytes)
}

export function float(field: number, value: number): Field {
  const bytes = Buffer.alloc(4)
  bytes.writeFloatLE(value)
  return tagged(field, FIXED32, bytes)
}

export const text = (field: number, value: string): Field => lengthAnd(field, Buffer.from(value, 'utf8'))

/** A message within a message. */
export const message = (field: number, fields: readonly Field[]): Field => lengthAnd(field, Buffer.concat(fields))

const lengthAnd = (field: number, bytes: Uint8Array): Field => tagged(field, BYTES, varint(bytes.length), bytes)
