import { explainFailure } from '../../src/activities/machine-failure'

const shown = (message: string, settings?: object) => {
  const { name, message: text } = explainFailure(new Error(message), '/home', settings)
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
])('a device without memory: the message says what would need less (%#)', (message, settings, text) => {
  expect(shown(message, settings)).toMatch(text)
})

test('other errors are not changed', () => {
  expect(shown('the loss is not a number', { microBatchSize: 4 })).toBe('Error: the loss is not a number')
})
