// What a person sees on standard error when a command loads TensorFlow.
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { temporaryFolder } from '../tiny-folder'

const dist = resolve(__dirname, '..', '..', 'dist', 'model')

/** Runs code with standard error in a file, or in a pipe, as a shell sets it up. */
function heard(code: string, into: 'file' | 'pipe'): string {
  const file = join(temporaryFolder(), 'stderr')
  const command = `"$NODE" -e "$CODE" ${into === 'file' ? '2> "$FILE"' : '2>&1 >/dev/null | cat > "$FILE"'}`
  execFileSync('sh', ['-c', command], { env: { ...process.env, NODE: process.execPath, CODE: code, FILE: file } })
  return readFileSync(file, 'utf8')
}

test.each(['file', 'pipe'] as const)('TensorFlow loads without its banner, and what follows is heard: %s', (into) => {
  const code = `const { tf } = require(${JSON.stringify(join(dist, 'tf.js'))})
    tf.matMul([[1, 2]], [[1], [2]]).dataSync()
    console.error('said afterwards')`
  expect(heard(code, into)).toBe('said afterwards\n')
})

test.each(['file', 'pipe'] as const)('an error of the native part is kept, before whatever follows it: %s', (into) => {
  const code = `const { withoutBanner } = require(${JSON.stringify(join(dist, 'without-banner.js'))})
    const native = (line) => require('fs').writeSync(2, line + '\\n')
    console.error('before')
    try {
      withoutBanner(() => {
        native('WARNING: All log messages before absl::InitializeLog() is called are written to STDERR')
        native('I0000 port.cc:153] oneDNN custom operations are on.')
        native('E0000 cuda_executor.cc] failed call to cuInit')
        throw new Error('not loaded')
      })
    } catch (error) {
      console.error(error.message)
    }`
  expect(heard(code, into)).toBe('before\nE0000 cuda_executor.cc] failed call to cuInit\nnot loaded\n')
})
