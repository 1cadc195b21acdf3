// GGUF's tensor types and how their blocks become float32. Layouts as in ggml's block structs.
import { bfloat16ToFloat32, float16ToFloat32, halfToNumber } from './safetensors'

interface Quantization {
  name: string
  /** Values and bytes of one block. */
  values: number
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

/** By ggml's type number. */
const kinds: Record<number, Quantization> = { 0: f32, 1: f16, 2: q4_0, 3: q4_1, 8: q8_0, 30: bf16 }

function kindOf(kind: number, where: string): Quantization {
  const found = kinds[kind]
  if (!found) {
    const known = Object.values(kinds).map((k) => k.name)
    throw new Error(`gguf: ${where} has ggml type ${kind}; supported are ${known.join(', ')}: convert the file to one of these`)
  }
  return found
}

/** Bytes that `values` values take. @throws when the type is unknown or the values do not fill whole blocks */
export function quantizedBytes(kind: number, values: number, where: string): number {
  const q = kindOf(kind, where)
  if (values % q.values !== 0) throw new Error(`gguf: ${where} has ${values} values, not a multiple of ${q.name}'s block of ${q.values}`)
  return (values / q.values) * q.bytes
}

/** Decodes a whole tensor. */
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
