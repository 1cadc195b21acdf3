// The safetensors format: an 8-byte little-endian header length, a JSON header, then raw little-endian data.
// Reading is bounded: a header with wrong lengths, offsets or shapes is refused before any weight is read.
import { closeSync, fstatSync, openSync, readSync, writeSync } from 'node:fs'
import { z } from 'zod'
import { jsonFault, shownValue } from '../file-faults'

const MAX_HEADER_BYTES = 100 * 1024 * 1024
const BYTES_PER_VALUE = { F32: 4, F16: 2, BF16: 2 } as const
type Dtype = keyof typeof BYTES_PER_VALUE

const size = z.number().int().nonnegative()
const entrySchema = z.object({ dtype: z.string(), shape: z.array(size).max(8), data_offsets: z.tuple([size, size]) })
const headerSchema = z.record(z.string(), z.unknown())

/** One tensor of an open file. */
interface StoredTensor {
  name: string
  shape: number[]
  /** Loads the values as float32, row-major. */
  read(): Float32Array
}
export interface SafetensorsFile {
  tensors: Map<string, StoredTensor>
  close(): void
}

function readExactly(fd: number, bytes: number, position: number, file: string): Buffer {
  const buffer = Buffer.from(new ArrayBuffer(bytes)) // aligned, and not a slice of Node's pool
  let done = 0
  while (done < bytes) {
    const got = readSync(fd, buffer, done, bytes - done, position + done)
    if (got === 0)
      throw new Error(
        `safetensors: ${file} ends at byte ${position + done}, expected ${position + bytes}; ` +
          'the file is cut short, copy or download it again',
      )
    done += got
  }
  return buffer
}

/** Converts raw bytes to float32 values. */
function decode(bytes: Buffer, dtype: Dtype): Float32Array {
  if (dtype === 'F32') return new Float32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4)
  const halves = new Uint16Array(bytes.buffer, bytes.byteOffset, bytes.length / 2)
  return dtype === 'BF16' ? bfloat16ToFloat32(halves) : float16ToFloat32(halves)
}

/** Bits of bfloat16 numbers [n] → [n]. */
export function bfloat16ToFloat32(values: Uint16Array): Float32Array {
  const bits = new Uint32Array(values.length)
  for (let i = 0; i < values.length; i++) bits[i] = values[i]! << 16
  return new Float32Array(bits.buffer)
}

/** The number that the bits of an IEEE half-precision float stand for. */
export function halfToNumber(half: number): number {
  const sign = half & 0x8000 ? -1 : 1
  const exponent = (half >> 10) & 0x1f
  const fraction = half & 0x3ff
  if (exponent === 0) return sign * fraction * 2 ** -24
  if (exponent === 31) return fraction ? NaN : sign * Infinity
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15)
}

const HALF_TABLE = Float32Array.from({ length: 65536 }, (_, half) => halfToNumber(half))
/** Bits of half-precision numbers [n] → [n]. */
export function float16ToFloat32(values: Uint16Array): Float32Array {
  const out = new Float32Array(values.length)
  for (let i = 0; i < values.length; i++) out[i] = HALF_TABLE[values[i]!]!
  return out
}

function checkEntry(
  name: string,
  value: unknown,
  dataBytes: number,
  file: string,
): { shape: number[]; dtype: Dtype; start: number; bytes: number } {
  const fail = (what: string): never => {
    throw new Error(`safetensors: ${file}: tensor ${JSON.stringify(name)} ${what}; the file is damaged or hostile`)
  }
  const parsed = entrySchema.safeParse(value)
  if (!parsed.success) return fail(`has a bad header entry: ${z.prettifyError(parsed.error)}`)
  const { dtype, shape, data_offsets: offsets } = parsed.data
  if (!(dtype in BYTES_PER_VALUE))
    throw new Error(
      `safetensors: ${file}: tensor ${JSON.stringify(name)} has dtype ${shownValue(dtype).replaceAll('"', '')}; ` +
        'supported are F32, F16, BF16',
    )
  const bytes = shape.reduce((a, b) => a * b, 1) * BYTES_PER_VALUE[dtype as Dtype]
  if (offsets[1] - offsets[0] !== bytes)
    return fail(`claims ${offsets[1] - offsets[0]} bytes, its shape [${shape.join(', ')}] takes ${bytes}`)
  if (offsets[1] > dataBytes) return fail(`ends at data byte ${offsets[1]}, the file holds ${dataBytes}`)
  return { shape, dtype: dtype as Dtype, start: offsets[0], bytes }
}

function checkNoOverlap(ranges: { name: string; start: number; bytes: number }[], file: string): void {
  const sorted = ranges.filter((r) => r.bytes > 0).sort((a, b) => a.start - b.start)
  sorted.slice(1).forEach((range, i) => {
    const before = sorted[i]!
    if (range.start < before.start + before.bytes)
      throw new Error(
        `safetensors: ${file}: tensors ${JSON.stringify(before.name)} and ${JSON.stringify(range.name)} overlap; ` +
          'the file is damaged or hostile',
      )
  })
}

/**
 * Opens a safetensors file and checks its header; weights are read on demand. Close it after use.
 * @throws when the file is cut short, damaged, or has a dtype other than F32, F16 and BF16
 */
export function openSafetensors(file: string): SafetensorsFile {
  const fd = openSync(file, 'r')
  try {
    return { tensors: readHeader(fd, file), close: () => closeSync(fd) }
  } catch (error) {
    closeSync(fd)
    throw error
  }
}

function readHeader(fd: number, file: string): Map<string, StoredTensor> {
  const fileBytes = fstatSync(fd).size
  const headerBytes = Number(readExactly(fd, 8, 0, file).readBigUInt64LE())
  if (headerBytes > Math.min(MAX_HEADER_BYTES, fileBytes - 8))
    throw new Error(
      `safetensors: ${file} claims a header of ${headerBytes} bytes in a file of ${fileBytes}; ` +
        'it is cut short or not safetensors',
    )
  const header = headerSchema.parse(parseJson(readExactly(fd, headerBytes, 8, file).toString('utf8'), file))
  delete header.__metadata__
  const dataStart = 8 + headerBytes
  const entries = Object.entries(header).map(([name, value]) => ({
    name,
    ...checkEntry(name, value, fileBytes - dataStart, file),
  }))
  checkNoOverlap(entries, file)
  return new Map(
    entries.map(({ name, shape, dtype, start, bytes }) => [
      name,
      { name, shape, read: () => decode(readExactly(fd, bytes, dataStart + start, file), dtype) },
    ]),
  )
}

function parseJson(text: string, file: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    throw new Error(
      `safetensors: the header of ${file} is not JSON, ${jsonFault(error)}; it is damaged or not safetensors`,
      { cause: error },
    )
  }
}

/** Writes float32 tensors in the given order. `read` is called for one tensor at a time, so memory stays small. */
export function writeSafetensors(
  file: string,
  tensors: Iterable<{ name: string; shape: number[]; read(): Float32Array }>,
): void {
  const list = [...tensors]
  const header: Record<string, unknown> = { __metadata__: { format: 'pt' } }
  let offset = 0
  for (const { name, shape } of list) {
    const bytes = shape.reduce((a, b) => a * b, 1) * 4
    header[name] = { dtype: 'F32', shape, data_offsets: [offset, offset + bytes] }
    offset += bytes
  }
  const json = Buffer.from(JSON.stringify(header))
  const padding = Buffer.alloc((8 - (json.length % 8)) % 8, ' ')
  const length = Buffer.alloc(8)
  length.writeBigUInt64LE(BigInt(json.length + padding.length))
  const fd = openSync(file, 'w')
  try {
    for (const part of [length, json, padding]) writeFully(fd, part)
    for (const tensor of list) {
      const values = tensor.read()
      writeFully(fd, Buffer.from(values.buffer, values.byteOffset, values.byteLength))
    }
  } finally {
    closeSync(fd)
  }
}

function writeFully(fd: number, bytes: Buffer): void {
  for (let done = 0; done < bytes.length;) done += writeSync(fd, bytes, done)
}
