// Dequantization against the gguf package; values from test/reference/quantization.py.
import { dequantize, quantizedBytes } from '../../src/model/gguf-quantization'
import reference from '../reference/quantization.json'

test.each(Object.entries(reference))('%s is dequantized as by the gguf package', (_, { kind, bytes, values }) => {
  const data = Buffer.from(bytes, 'base64')
  expect(quantizedBytes(kind, values.length, 'row')).toBe(data.length)
  const got = dequantize(kind, data, values.length)
  expect(got).toHaveLength(values.length)
  const scale = Math.max(...values.map(Math.abs))
  values.forEach((want, i) => expect(Math.abs(got[i]! - want) / scale).toBeLessThan(1e-6))
})

test('an unknown type, and values that do not fill a block, are refused', () => {
  expect(() => quantizedBytes(10, 256, 'tensor x')).toThrow(/tensor x has ggml type 10; supported are F32, F16, Q4_0/)
  expect(() => quantizedBytes(12, 100, 'tensor x')).toThrow(/100 values, not a multiple of Q4_K's block of 256/)
})
