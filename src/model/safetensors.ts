// The safetensors format: an 8-byte little-endian header length, a JSON header, then raw little-endian data.
// Reading is bounded: a header with wrong lengths, offsets or shapes is refused before any weight is read.
import { closeSync, fstatSync, openSync, readSync, writeSync } from 'node:fs'
import { z } from 'zod'
import { jsonFault, shownValue } from '../file-faults'

const MAX_HEADER_BYTES = 100 * 1024 * 1024
const BYTES_PER_VALUE = { F64: 8, F32: 4, F16: 2, BF16: 2 } as const
export type Dtype = keyof typeof BYTES_PER_VALUE

const size = z.number().int().nonnegative()
const offsetsSchema = z.looseObject({ data_offsets: z.tuple([size, size]) })
const entrySchema = z.object({ dtype: z.string(), shape: z.array(size).max(8), data_offsets: z.tuple([size, size]) })
const headerSchema = z.record(z.string(), z.unknown())

/** One tensor of an open file. */
interface StoredTensor {
  name: string
  shape: number[]
  dtype: Dtype
  /** Loads the values as float32, row-major. */
  read(): Float32Array
}
export interface SafetensorsFile {
  /** Names of all tensors, in the order of the header. */
  names: string[]
  /**
   * A tensor by its name; undefined if the file has none of that name. Only now its dtype and shape are looked at: files
   * also hold buffers, such as masks of booleans, that no model asks for.
   * @throws when it has a dtype other than F64, F32, F16 and BF16, or a shape that is not that of its bytes
   */
  tensor(name: string): StoredTensor | undefined
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
  if (dtype === 'F64') return Float32Array.from(new Float64Array(bytes.buffer, bytes.byteOffset, bytes.length / 8))
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

/** A number as bfloat16, rounded to the nearest, ties to even. @returns the bits [n] */
export function float32ToBfloat16(values: Float32Array): Uint16Array {
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length)
  return Uint16Array.from(bits, (x) =>
    (x & 0x7fffffff) > 0x7f800000 ? (x >>> 16) | 0x40 : (x + 0x7fff + ((x >>> 16) & 1)) >>> 16,
  )
}

/** The same as IEEE half-precision numbers; what is too large becomes infinite. */
export function float32ToFloat16(values: Float32Array): Uint16Array {
  return Uint16Array.from(values, halfBits)
}

function halfBits(value: number): number {
  const sign = value < 0 || Object.is(value, -0) ? 0x8000 : 0
  const size = Math.abs(value)
  if (Number.isNaN(value)) return 0x7e00
  if (size >= 65520) return sign | 0x7c00
  const exponent = Math.max(-14, Math.floor(Math.log2(size))) // of the spacing; below 2⁻¹⁴ it stays the same
  const units = roundToEven(size * 2 ** (10 - exponent))
  return sign | (exponent === -14 ? units : ((exponent + 14) << 10) + units)
}

function roundToEven(x: number): number {
  const floor = Math.floor(x)
  const rest = x - floor
  return rest > 0.5 || (rest === 0.5 && floor % 2 === 1) ? floor + 1 : floor
}

const HALF_TABLE = Float32Array.from({ length: 65536 }, (_, half) => halfToNumber(half))
/** Bits of half-precision numbers [n] → [n]. */
export function float16ToFloat32(values: Uint16Array): Float32Array {
  const out = new Float32Array(values.length)
  for (let i = 0; i < values.length; i++) out[i] = HALF_TABLE[values[i]!]!
  return out
}

/** An open file: where its data begin, and how many bytes they are. */
interface Place {
  fd: number
  file: string
  dataStart: number
  dataBytes: number
}

const faulty = (file: string, name: string, what: string) =>
  new Error(`safetensors: ${file}: tensor ${JSON.stringify(name)} ${what}; the file is damaged or hostile`)

/** Checks that every tensor lies within the file and none in another. */
function checkPlaces(header: Record<string, unknown>, { file, dataBytes }: Place): void {
  const ranges = Object.entries(header).map(([name, value]) => {
    const parsed = offsetsSchema.safeParse(value)
    if (!parsed.success) throw faulty(file, name, `has a bad header entry: ${z.prettifyError(parsed.error)}`)
    const [start, end] = parsed.data.data_offsets
    if (end > dataBytes) throw faulty(file, name, `ends at data byte ${end}, the file holds ${dataBytes}`)
    return { name, start, end }
  })
  const sorted = ranges.filter(({ start, end }) => end > start).sort((a, b) => a.start - b.start)
  sorted.slice(1).forEach((range, i) => {
    const before = sorted[i]!
    if (range.start < before.end)
      throw new Error(
        `safetensors: ${file}: tensors ${JSON.stringify(before.name)} and ${JSON.stringify(range.name)} overlap; ` +
          'the file is damaged or hostile',
      )
  })
}

function storedTensor(name: string, value: unknown, { fd, file, dataStart }: Place): StoredTensor {
  const parsed = entrySchema.safeParse(value)
  if (!parsed.success) throw faulty(file, name, `has a bad header entry: ${z.prettifyError(parsed.error)}`)
  const { dtype, shape, data_offsets: offsets } = parsed.data
  if (!Object.hasOwn(BYTES_PER_VALUE, dtype))
    throw new Error(
      `safetensors: ${file}: tensor ${JSON.stringify(name)} has dtype ${shownValue(dtype).replaceAll('"', '')}; ` +
        `supported are ${Object.keys(BYTES_PER_VALUE).join(', ')}`,
    )
  const bytes = shape.reduce((a, b) => a * b, 1) * BYTES_PER_VALUE[dtype as Dtype]
  if (offsets[1] - offsets[0] !== bytes)
    throw faulty(file, name, `claims ${offsets[1] - offsets[0]} bytes, its shape [${shape.join(', ')}] takes ${bytes}`)
  return {
    name,
    shape,
    dtype: dtype as Dtype,
    read: () => decode(readExactly(fd, bytes, dataStart + offsets[0], file), dtype as Dtype),
  }
}

/**
 * Opens a safetensors file and checks its header; weights are read on demand. Close it after use.
 * @throws when the file is cut short or damaged
 */
export function openSafetensors(file: string): SafetensorsFile {
  const fd = openSync(file, 'r')
  try {
    const { header, place } = readHeader(fd, file)
    return {
      names: Object.keys(header),
      tensor: (name) => (Object.hasOwn(header, name) ? storedTensor(name, header[name], place) : undefined),
      close: () => closeSync(fd),
    }
  } catch (error) {
    closeSync(fd)
    throw error
  }
}

function readHeader(fd: number, file: string): { header: Record<string, unknown>; place: Place } {
  const fileBytes = fstatSync(fd).size
  const headerBytes = Number(readExactly(fd, 8, 0, file).readBigUInt64LE())
  if (headerBytes > Math.min(MAX_HEADER_BYTES, fileBytes - 8))
    throw new Error(
      `safetensors: ${file} claims a header of ${headerBytes} bytes in a file of ${fileBytes}; ` +
        'it is cut short or not safetensors',
    )
  const header = headerSchema.parse(parseJson(readExactly(fd, headerBytes, 8, file).toString('utf8'), file))
  delete header.__metadata__
  const place = { fd, file, dataStart: 8 + headerBytes, dataBytes: fileBytes - 8 - headerBytes }
  checkPlaces(header, place)
  return { header, place }
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

/** What weights are written as. */
export type WrittenDtype = 'F32' | 'BF16' | 'F16'
const ENCODE: Record<WrittenDtype, (values: Float32Array) => Float32Array | Uint16Array> = {
  F32: (values) => values,
  BF16: float32ToBfloat16,
  F16: float32ToFloat16,
}

interface Written {
  name: string
  shape: number[]
  read(): Float32Array
  /** Default: that of the file. */
  dtype?: WrittenDtype
}

/** Writes tensors in the given order. `read` is called for one tensor at a time, so memory stays small. */
export function writeSafetensors(file: string, tensors: Iterable<Written>, ofFile: WrittenDtype = 'F32'): void {
  const list = [...tensors]
  const header: Record<string, unknown> = { __metadata__: { format: 'pt' } }
  let offset = 0
  for (const { name, shape, dtype = ofFile } of list) {
    const bytes = shape.reduce((a, b) => a * b, 1) * BYTES_PER_VALUE[dtype]
    header[name] = { dtype, shape, data_offsets: [offset, offset + bytes] }
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
      const values = ENCODE[tensor.dtype ?? ofFile](tensor.read())
      writeFully(fd, Buffer.from(values.buffer, values.byteOffset, values.byteLength))
    }
  } finally {
    closeSync(fd)
  }
}

function writeFully(fd: number, bytes: Buffer): void {
  for (let done = 0; done < bytes.length;) done += writeSync(fd, bytes, done)
}
