// What starts with every command and every worker.
import { execFileSync } from 'node:child_process'
import { join } from 'node:path'

const DIST = join(__dirname, '..', '..', 'dist')

test.each(['cli/main.js', 'workers/worker.js'])('%s starts without TensorFlow.js: only children need it', (file) => {
  const loaded = `process.argv = ['node', 'rlaif', '--version']
    process.on('exit', () => console.log(Object.keys(require.cache).filter((name) => name.includes('tfjs'))))
    require(${JSON.stringify(join(DIST, file))})`
  const out = execFileSync(process.execPath, ['-e', loaded], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] })
  expect(out).toMatch(/\[\]\n$/)
})
