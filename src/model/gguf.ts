// The GGUF container (versions 2 and 3): typed key/value metadata, a tensor table, then aligned tensor data.
// Every count and length is checked against the size of the file before memory is allocated.
import { closeSync, fstatSync, openSync, readSync } from 'node:fs'
import { dequantize, quantizedBytes } from './gguf-quantization'

/** Items of all lists in the metadata together. */
const MAX_METADATA_ITEMS = 10_000_000
const MAX_TENSORS = 100_000
/** Bytes of a text in the metadata; the longest are chat templates. */
const MAX_STRING = 2 ** 24
const MAX_ALIGNMENT = 2 ** 20
/** Bytes of an item of each scalar type, at least: a text is at least its length. */
const LEAST_BYTES = [1, 1, 2, 2, 4, 4, 4, 1, 8, 0, 8, 8, 8]

export type GgufValue = number | bigint | boolean | string | GgufValue[]
export interface GgufTensor {
  name: string
  /** Row-major shape, slowest axis first (GGUF stores the axes in reverse order). */
  shape: number[]
  /** The dequantized values, row-major. */
  read(): Float32Array
}
export interface GgufFile {
  metadata: Map<string, GgufValue>
  tensors: Map<string, GgufTensor>
  close(): void
}

/** Reads forward through a file in large blocks; every read is bounded by the file's end. */
class Cursor {
  private block = Buffer.alloc(0)
  private blockStart = 0
  position = 0
  /** Items of lists so far. */
  items = 0
  constructor(
    private readonly fd: number,
    readonly bytes: number,
    readonly file: string,
  ) {}

  take(length: number): Buffer {
    if (length > this.bytes - this.position)
      this.fail(`needs ${length} bytes at ${this.position}, the file has ${this.bytes}`)
    if (this.position < this.blockStart || this.position + length > this.blockStart + this.block.length) {
      const block = Buffer.alloc(Math.min(Math.max(length, 1 << 20), this.bytes - this.position))
      for (let done = 0; done < block.length;) {
        const got = readSync(this.fd, block, done, block.length - done, this.position + done)
        if (got === 0) this.fail(`ends at byte ${this.position + done}`)
        done += got
      }
      this.block = block
      this.blockStart = this.position
    }
    const from = this.position - this.blockStart
    this.position += length
    return this.block.subarray(from, from + length)
  }
  u32 = () => this.take(4).readUInt32LE()
  u64(): number {
    const value = this.take(8).readBigUInt64LE()
    if (value > BigInt(Number.MAX_SAFE_INTEGER)) this.fail(`holds the count ${value}`)
    return Number(value)
  }
  string(): string {
    const length = this.u64()
    if (length > MAX_STRING) this.fail(`claims a text of ${length} bytes`)
    return this.take(length).toString('utf8')
  }
  fail(what: string): never {
    throw new Error(`gguf: ${this.file} ${what}; it is cut short, damaged or hostile: copy or download it again`)
  }
}

const scalarReaders: Record<number, (c: Cursor) => GgufValue> = {
  0: (c) => c.take(1).readUInt8(),
  1: (c) => c.take(1).readInt8(),
  2: (c) => c.take(2).readUInt16LE(),
  3: (c) => c.take(2).readInt16LE(),
  4: (c) => c.u32(),
  5: (c) => c.take(4).readInt32LE(),
  6: (c) => c.take(4).readFloatLE(),
  7: (c) => c.take(1).readUInt8() !== 0,
  8: (c) => c.string(),
  10: (c) => c.take(8).readBigUInt64LE(),
  11: (c) => c.take(8).readBigInt64LE(),
  12: (c) => c.take(8).readDoubleLE(),
}
const ARRAY = 9

function readValue(c: Cursor, kind: number): GgufValue {
  if (kind === ARRAY) {
    const itemKind = c.u32()
    const count = c.u64()
    if (itemKind === ARRAY) c.fail('nests arrays in its metadata')
    c.items += count
    if (c.items > MAX_METADATA_ITEMS || count * (LEAST_BYTES[itemKind] ?? 1) > c.bytes - c.position)
      c.fail(`claims an array of ${count} items`)
    return Array.from({ length: count }, () => readValue(c, itemKind))
  }
  const read = scalarReaders[kind]
  if (!read) return c.fail(`uses the unknown metadata type ${kind}`)
  return read(c)
}

function readMetadata(c: Cursor, count: number): Map<string, GgufValue> {
  const metadata = new Map<string, GgufValue>()
  for (let i = 0; i < count; i++) {
    const key = c.string()
    if (metadata.has(key)) c.fail(`has ${JSON.stringify(key.slice(0, 80))} twice in its metadata`)
    metadata.set(key, readValue(c, c.u32()))
  }
  return metadata
}

interface TableRow {
  name: string
  shape: number[]
  kind: number
  offset: number
}

function readTable(c: Cursor, count: number): TableRow[] {
  return Array.from({ length: count }, () => {
    const name = c.string()
    const axes = c.u32()
    if (axes > 4) c.fail(`gives tensor ${JSON.stringify(name)} ${axes} axes`)
    const shape = Array.from({ length: axes }, () => c.u64()).reverse()
    return { name, shape, kind: c.u32(), offset: c.u64() }
  })
}

/**
 * Opens a GGUF file and checks its tables; weights are read and dequantized on demand. Close it after use.
 * @throws when the file is not GGUF of a supported version, is cut short or damaged, or has a type that is not
 * supported
 */
export function openGguf(file: string): GgufFile {
  const fd = openSync(file, 'r')
  try {
    const c = new Cursor(fd, fstatSync(fd).size, file)
    if (c.take(4).toString('latin1') !== 'GGUF')
      throw new Error(`gguf: ${file} does not start with "GGUF"; it is not a GGUF file`)
    const version = c.u32()
    if (version !== 2 && version !== 3) throw new Error(`gguf: ${file} is version ${version}; supported are 2 and 3`)
    const tensorCount = c.u64()
    const keyCount = c.u64()
    if (tensorCount > MAX_TENSORS || keyCount > MAX_TENSORS)
      c.fail(`claims ${tensorCount} tensors and ${keyCount} keys`)
    const metadata = readMetadata(c, keyCount)
    const rows = readTable(c, tensorCount)
    const alignment = alignmentOf(c, metadata)
    const dataStart = Math.ceil(c.position / alignment) * alignment
    return {
      metadata,
      tensors: storedTensors(c, rows, { dataStart, alignment }),
      close: () => closeSync(fd),
    }
  } catch (error) {
    closeSync(fd)
    throw error
  }
}

/** Bytes of whose multiples tensors begin. */
function alignmentOf(c: Cursor, metadata: Map<string, GgufValue>): number {
  const value = metadata.get('general.alignment') ?? 32
  const isPowerOfTwo = typeof value === 'number' && Number.isInteger(Math.log2(value))
  if (!isPowerOfTwo || value < 8 || value > MAX_ALIGNMENT)
    return c.fail(`gives general.alignment = ${shown(value)}, not a power of two from 8 to ${MAX_ALIGNMENT}`)
  return value
}

const shown = (value: GgufValue) => (typeof value === 'object' ? 'a list' : String(value).slice(0, 40))

/** Where the data begin, and of what their places are multiples, in bytes. */
interface Layout {
  dataStart: number
  alignment: number
}

function storedTensors(c: Cursor, rows: readonly TableRow[], layout: Layout): Map<string, GgufTensor> {
  const stored = rows.map((row) => storedTensor(c, row, layout))
  let [end, before] = [0, '']
  for (const { name, start, bytes } of stored.filter((one) => one.bytes > 0).sort((x, y) => x.start - y.start)) {
    if (start < end) c.fail(`lets tensors ${JSON.stringify(before)} and ${JSON.stringify(name)} overlap`)
    ;[end, before] = [start + bytes, name]
  }
  const tensors = new Map(stored.map(({ name, shape, read }) => [name, { name, shape, read }]))
  if (tensors.size < stored.length) c.fail('names two tensors alike')
  return tensors
}

/** A tensor, and its place in the file. */
function storedTensor(
  c: Cursor,
  row: TableRow,
  { dataStart, alignment }: Layout,
): GgufTensor & { start: number; bytes: number } {
  const name = JSON.stringify(row.name.slice(0, 200))
  const values = row.shape.reduce((a, b) => a * b, 1)
  if (!Number.isSafeInteger(values)) c.fail(`gives tensor ${name} the shape [${row.shape.join(', ')}]`)
  const bytes = quantizedBytes(row.kind, values, `${c.file}: tensor ${name}`)
  if (row.offset % alignment !== 0) c.fail(`puts tensor ${name} at ${row.offset}, no multiple of ${alignment}`)
  const start = dataStart + row.offset
  if (!(start + bytes <= c.bytes)) c.fail(`ends before tensor ${name} does (${start + bytes} of ${c.bytes} bytes)`)
  const read = () => {
    c.position = start
    return dequantize(row.kind, c.take(bytes), values)
  }
  return { name: row.name, shape: row.shape, read, start, bytes }
}
