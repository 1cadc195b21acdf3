// The safetensors format: what is written can be read, and broken files are refused.
import { readFileSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import {
  bfloat16ToFloat32,
  float16ToFloat32,
  float32ToBfloat16,
  float32ToFloat16,
  openSafetensors,
  writeSafetensors,
} from '../../src/model/safetensors'
import { temporaryFolder } from '../tiny-folder'

const folder = temporaryFolder()

function file(name: string, header: unknown, data = Buffer.alloc(64)): string {
  const json = Buffer.from(typeof header === 'string' ? header : JSON.stringify(header))
  const length = Buffer.alloc(8)
  length.writeBigUInt64LE(BigInt(json.length))
  const path = join(folder, name)
  writeFileSync(path, Buffer.concat([length, json, data]))
  return path
}
const f32 = (offsets: [number, number], shape: number[]) => ({ dtype: 'F32', shape, data_offsets: offsets })

test('values and shapes that are written can be read again', () => {
  const path = join(folder, 'round.safetensors')
  const a = Float32Array.from([1, -2.5, 3e-8, 4e8])
  writeSafetensors(path, [
    { name: 'a', shape: [2, 2], read: () => a },
    { name: 'b', shape: [1], read: () => Float32Array.of(7) },
  ])
  const open = openSafetensors(path)
  expect(open.tensor('a')).toMatchObject({ shape: [2, 2] })
  expect(open.tensor('a')!.read()).toEqual(a)
  expect(open.tensor('b')!.read()).toEqual(Float32Array.of(7))
  open.close()
})

test('bfloat16 and float16 are converted to the same numbers', () => {
  const data = Buffer.alloc(8)
  data.writeUInt16LE(0x3fc0, 0) // bf16 1.5
  data.writeUInt16LE(0xc000, 2) // bf16 -2
  data.writeUInt16LE(0x3e00, 4) // f16 1.5
  data.writeUInt16LE(0x0001, 6) // f16 smallest subnormal
  const open = openSafetensors(
    file(
      'half',
      { b: { dtype: 'BF16', shape: [2], data_offsets: [0, 4] }, h: { dtype: 'F16', shape: [2], data_offsets: [4, 8] } },
      data,
    ),
  )
  expect([...open.tensor('b')!.read()]).toEqual([1.5, -2])
  expect([...open.tensor('h')!.read()]).toEqual([1.5, 2 ** -24])
  open.close()
})

test('dtype and shape are looked at only for a tensor that is asked for', () => {
  const data = Buffer.alloc(32)
  data.writeDoubleLE(0.1, 16)
  const open = openSafetensors(
    file(
      'buffers',
      {
        mask: { dtype: 'BOOL', shape: [1, 1, 2, 2], data_offsets: [0, 4] },
        scale: { dtype: 'F8_E4M3', shape: [4], data_offsets: [4, 8] },
        positions: { dtype: 'I64', shape: [1, 1], data_offsets: [8, 16] },
        w: { dtype: 'F64', shape: [1], data_offsets: [16, 24] },
        odd: { dtype: 'F32', shape: [7], data_offsets: [24, 28] },
        nameless: { data_offsets: [28, 32] },
      },
      data,
    ),
  )
  expect(open.tensor('w')!.read()).toEqual(Float32Array.of(0.1))
  expect(open.tensor('absent')).toBeUndefined()
  expect(() => open.tensor('mask')).toThrow(/"mask" has dtype BOOL; supported are F64, F32, F16, BF16/)
  expect(() => open.tensor('odd')).toThrow(/claims 4 bytes, its shape \[7\] takes 28/)
  expect(() => open.tensor('nameless')).toThrow(/bad header entry/)
  open.close()
})

test('a file that is cut short is refused by name before a weight is read', () => {
  const path = join(folder, 'cut.safetensors')
  writeSafetensors(path, [{ name: 'a', shape: [4], read: () => new Float32Array(4) }])
  truncateSync(path, readFileSync(path).length - 4)
  expect(() => openSafetensors(path)).toThrow(/cut\.safetensors.*"a" ends at data byte 16, the file holds 12/)
  truncateSync(path, 5)
  expect(() => openSafetensors(path)).toThrow(/cut\.safetensors ends at byte 5/)
})

test.each([
  [
    'a header longer than the file',
    () => {
      const path = join(folder, 'long')
      writeFileSync(path, Buffer.concat([Buffer.from([255, 255, 255, 255, 255, 255, 255, 127]), Buffer.alloc(8)]))
      return path
    },
    /claims a header of/,
  ],
  ['overlapping tensors', () => file('overlap', { a: f32([0, 16], [4]), b: f32([8, 24], [4]) }), /"a" and "b" overlap/],
  [
    'a shape that does not match the claimed bytes',
    () => file('shape', { a: f32([0, 16], [1e9, 1e9]) }),
    /its shape \[1000000000, 1000000000\] takes/,
  ],
  ['data past the end', () => file('past', { a: f32([0, 4096], [1024]) }), /the file holds 64/],
  ['a negative offset', () => file('negative', { a: f32([-8, 8], [4]) }), /bad header entry/],
  [
    'an unknown dtype',
    () => file('dtype', { a: { dtype: 'F8_E4M3', shape: [4], data_offsets: [0, 4] } }),
    /dtype F8_E4M3; supported are/,
  ],
  ['a header that is not JSON', () => file('json', '{"a": '), /not JSON/],
])('%s is refused', (_, make, message) => {
  const readAll = () => {
    const open = openSafetensors(make())
    open.names.forEach((name) => open.tensor(name))
  }
  expect(readAll).toThrow(message)
})

describe('half precision', () => {
  const halves = Uint16Array.from({ length: 65536 }, (_, bits) => bits)
  const isNan = (value: number) => Number.isNaN(value)
  /** The two neighbours of every finite positive number, their middle, and which of them is even. */
  const middles = (values: Float32Array, last: number) =>
    Array.from({ length: last }, (_, bits) => ({
      middle: Math.fround((values[bits]! + values[bits + 1]!) / 2),
      even: bits % 2 === 0 ? bits : bits + 1,
    }))

  test.each([
    ['float16', float16ToFloat32, float32ToFloat16, 0x7bff],
    ['bfloat16', bfloat16ToFloat32, float32ToBfloat16, 0x7f7f],
  ])(
    '%s: every number is written as it was read, and a middle is rounded to the even one',
    (_, read, write, largest) => {
      const values = read(halves)
      const written = write(values)
      expect(halves.filter((bits) => !isNan(values[bits]!) && written[bits] !== bits)).toHaveLength(0)
      expect(isNan(read(write(Float32Array.of(NaN)))[0]!)).toBe(true)
      const between = middles(values, largest)
      const rounded = write(Float32Array.from(between, ({ middle }) => middle))
      expect(between.filter(({ even }, i) => rounded[i] !== even)).toHaveLength(0)
      expect(read(write(Float32Array.of(Infinity, -Infinity)))).toEqual(Float32Array.of(Infinity, -Infinity))
    },
  )
})
