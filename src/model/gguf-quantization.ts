// GGUF's tensor types, and dequantization of their blocks to float32. Layouts as in ggml's block structs.
import { bfloat16ToFloat32, float16ToFloat32, halfToNumber } from './safetensors'

interface Quantization {
  name: string
  /** Number of values in a block. */
  values: number
  /** Bytes of a block. */
  bytes: number
  /** Decodes the block that starts at byte `at` into `out` from index `to`. */
  block(data: Buffer, at: number, out: Float32Array, to: number): void
}

const half = (data: Buffer, at: number) => halfToNumber(data.readUInt16LE(at))

const q4_0: Quantization = {
  name: 'Q4_0',
  values: 32,
  bytes: 18,
  block(data, at, out, to) {
    const d = half(data, at)
    for (let i = 0; i < 16; i++) {
      const pair = data[at + 2 + i]!
      out[to + i] = d * ((pair & 15) - 8)
      out[to + i + 16] = d * ((pair >> 4) - 8)
    }
  },
}

const q4_1: Quantization = {
  name: 'Q4_1',
  values: 32,
  bytes: 20,
  block(data, at, out, to) {
    const d = half(data, at)
    const minimum = half(data, at + 2)
    for (let i = 0; i < 16; i++) {
      const pair = data[at + 4 + i]!
      out[to + i] = d * (pair & 15) + minimum
      out[to + i + 16] = d * (pair >> 4) + minimum
    }
  },
}

const q8_0: Quantization = {
  name: 'Q8_0',
  values: 32,
  bytes: 34,
  block(data, at, out, to) {
    const d = half(data, at)
    for (let i = 0; i < 32; i++) out[to + i] = d * data.readInt8(at + 2 + i)
  },
}

/** Scale and minimum of group j in Q4_K and Q5_K: 8 scales and 8 minima of 6 bits each, packed into 12 bytes. */
function scaleAndMinimum(data: Buffer, at: number, j: number): [scale: number, minimum: number] {
  const byte = (i: number) => data[at + i]!
  if (j < 4) return [byte(j) & 63, byte(j + 4) & 63]
  return [(byte(j + 4) & 15) | ((byte(j - 4) >> 6) << 4), (byte(j + 4) >> 4) | ((byte(j) >> 6) << 4)]
}

/**
 * Q4_K and Q5_K: 256 values in 8 groups of 32, value = d · scale · q − dmin · minimum; Q5_K stores each value's fifth
 * bit separately.
 */
const q45K = (name: string, bytes: number, fifthBit: boolean): Quantization => ({
  name,
  values: 256,
  bytes,
  block(data, at, out, to) {
    const d = half(data, at)
    const dMinimum = half(data, at + 2)
    const low = at + (fifthBit ? 48 : 16)
    for (let group = 0; group < 8; group++) {
      const [scale, minimum] = scaleAndMinimum(data, at + 4, group)
      const shift = group % 2 === 0 ? 0 : 4
      for (let i = 0; i < 32; i++) {
        const fifth = fifthBit ? ((data[at + 16 + i]! >> group) & 1) << 4 : 0
        const q = ((data[low + 32 * (group >> 1) + i]! >> shift) & 15) + fifth
        out[to + 32 * group + i] = d * scale * q - dMinimum * minimum
      }
    }
  },
})

/**
 * 256 values in 16 groups of 16, value = d · scale · (q − 32); the 4 low and 2 high bits of q are stored separately.
 */
const q6K: Quantization = {
  name: 'Q6_K',
  values: 256,
  bytes: 210,
  block(data, at, out, to) {
    const d = half(data, at + 208)
    for (let n = 0; n < 2; n++) {
      for (let i = 0; i < 128; i++) {
        const quarter = i >> 5
        const l = i & 31
        const low = data[at + 64 * n + l + (quarter & 1) * 32]! >> (quarter < 2 ? 0 : 4)
        const high = data[at + 128 + 32 * n + l]! >> (2 * quarter)
        const q = ((low & 15) | ((high & 3) << 4)) - 32
        out[to + 128 * n + i] = d * data.readInt8(at + 192 + 8 * n + (i >> 4)) * q
      }
    }
  },
}

/** A type without quantization. */
const plain = (name: string, bytes: number, decode: (copy: ArrayBuffer) => Float32Array): Quantization => ({
  name,
  values: 1,
  bytes,
  block(data, at, out, to) {
    out[to] = decode(new Uint8Array(data.subarray(at, at + bytes)).buffer)[0]!
  },
})

const f32 = plain('F32', 4, (copy) => new Float32Array(copy))
const f16 = plain('F16', 2, (copy) => float16ToFloat32(new Uint16Array(copy)))
const bf16 = plain('BF16', 2, (copy) => bfloat16ToFloat32(new Uint16Array(copy)))

/** Supported types by ggml's type number. */
const kinds: Record<number, Quantization> = {
  0: f32,
  1: f16,
  2: q4_0,
  3: q4_1,
  8: q8_0,
  12: q45K('Q4_K', 144, false),
  13: q45K('Q5_K', 176, true),
  14: q6K,
  30: bf16,
}

function kindOf(kind: number, where: string): Quantization {
  const found = kinds[kind]
  if (!found) {
    const supported = Object.values(kinds).map((k) => k.name)
    throw new Error(
      `gguf: ${where} has ggml type ${kind}; supported are ${supported.join(', ')}: convert the file to one of these`,
    )
  }
  return found
}

/** Bytes of `values` values. @throws when the type is not supported or the values do not fill whole blocks */
export function quantizedBytes(kind: number, values: number, where: string): number {
  const q = kindOf(kind, where)
  if (values % q.values !== 0)
    throw new Error(`gguf: ${where} has ${values} values, not a multiple of ${q.name}'s block of ${q.values}`)
  return (values / q.values) * q.bytes
}

/** Dequantizes a whole tensor: `values` values, in the order of the file. @throws when the type is not supported */
export function dequantize(kind: number, data: Buffer, values: number): Float32Array {
  const q = kindOf(kind, 'tensor')
  const out = new Float32Array(values)
  if (q === f32) {
    out.set(new Float32Array(new Uint8Array(data).buffer))
    return out
  }
  for (let at = 0, to = 0; to < values; at += q.bytes, to += q.values) q.block(data, at, out, to)
  return out
}
