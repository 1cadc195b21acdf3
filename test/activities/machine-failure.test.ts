import { explained } from '../../src/activities/machine-failure'

const said = (message: string, settings?: object) => {
  const { name, message: text } = explained(new Error(message), '/home', settings)
  return `${name}: ${text}`
}

test.each([
  [
    'Error: Invalid TF_Status: 8\nMessage: OOM when allocating tensor with shape[64,1024,4864]',
    { microBatchSize: 16, recompute: false },
    /^OutOfMemory: .*Set microBatchSize to 8 instead of 16, which changes no result, then retry/,
  ],
  ['RESOURCE_EXHAUSTED: failed to allocate memory', { microBatchSize: 1, recompute: false }, /Set recompute to true/],
  ['CUDA_ERROR_OUT_OF_MEMORY', { microBatchSize: 1, recompute: true }, /shorter limits, an adapter/],
  ['std::bad_alloc', undefined, /^OutOfMemory: /],
])('a device without memory: what would need less is said (%#)', (message, settings, text) => {
  expect(said(message, settings)).toMatch(text)
})

test('other errors stay as they are', () => {
  expect(said('the loss is not a number', { microBatchSize: 4 })).toBe('Error: the loss is not a number')
})
