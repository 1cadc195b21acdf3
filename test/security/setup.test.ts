// Set-up in a folder of somebody else: nothing of what lies there is executed, and what is downloaded is what was pinned.
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { temporaryFolder } from '../tiny-folder'

const setup = resolve(__dirname, '..', '..', 'setup')
const WHEEL = 'a_wheel-1.0-py3-none-any.whl'

/** A folder with modules that Python would take for its own, and a cache with a wheel. */
function hostileFolder() {
  const [folder, cache] = [temporaryFolder(), temporaryFolder()]
  const trap = `open(${JSON.stringify(join(folder, 'executed'))}, 'a').write(__name__ + '\\n')\n`
  for (const name of ['pip', 'zipfile', 're', 'os']) writeFileSync(join(folder, `${name}.py`), trap)
  mkdirSync(join(cache, 'downloads'))
  const file = join(cache, 'downloads', WHEEL)
  const zipped = `import zipfile; zipfile.ZipFile(${JSON.stringify(file)}, 'w').writestr('a/file.txt', 'content')`
  execFileSync('python3', ['-c', zipped], { cwd: cache })
  return { folder, cache, sha256: createHash('sha256').update(readFileSync(file)).digest('hex') }
}

/** Runs set-up's code as a process whose current folder is `folder`. */
const run = ({ folder, cache }: { folder: string; cache: string }, program: string) =>
  execFileSync(process.execPath, ['--input-type=module', '-e', program], {
    cwd: folder,
    env: { PATH: process.env.PATH, HOME: folder, RLAIF_CACHE: cache, PIP_NO_INDEX: '1' },
    encoding: 'utf8',
    stdio: 'pipe',
  })
const wheels = JSON.stringify(join(setup, 'wheels.mjs'))
const wheel = (sha256: string, file = WHEEL) => JSON.stringify({ requirement: 'a-wheel==1.0', file, sha256, tags: [] })

test('modules of the current folder are not executed by the look for pip, a download or the unpacking', () => {
  const at = hostileFolder()
  run(at, `(await import(${JSON.stringify(join(setup, 'requirements.mjs'))})).missingRequirements()`)
  const unpacked = join(at.cache, 'unpacked')
  run(at, `await (await import(${wheels})).unpackWheel(${wheel(at.sha256)}, ${JSON.stringify(unpacked)}, 'file')`)
  expect(readFileSync(join(unpacked, 'a', 'file.txt'), 'utf8')).toBe('content')
  const download = `await (await import(${wheels})).fetchWheel(${wheel('0'.repeat(64), 'another.whl')})`
  expect(() => run(at, download)).toThrow(/pip could not download a-wheel==1\.0/)
  expect(existsSync(join(at.folder, 'executed'))).toBe(false)
})

test('a file in the cache that is not the pinned one is never unpacked', () => {
  const at = hostileFolder()
  const unpacked = join(at.cache, 'unpacked')
  const program = `await (await import(${wheels})).unpackWheel(${wheel('0'.repeat(64))}, ${JSON.stringify(unpacked)}, 'file')`
  expect(() => run(at, program)).toThrow(/pip could not download/)
  expect(readdirSync(at.cache)).toEqual(['downloads'])
})

test('what was compiled from a source that has gone is removed before compiling, and nothing else', () => {
  const at = hostileFolder()
  const [src, dist] = ['src', 'dist'].map((name) => join(at.folder, name)) as [string, string]
  const write = (file: string) => {
    mkdirSync(dirname(file), { recursive: true })
    writeFileSync(file, '')
  }
  for (const name of ['kept.ts', 'room/kept.ts']) write(join(src, name))
  const kept = ['.tsbuildinfo', 'kept.js', 'room/kept.d.ts', 'room/kept.js', 'room/kept.js.map']
  for (const name of [...kept, 'gone.js', 'gone.d.ts', 'room/gone.js.map', 'old/room/gone.js']) write(join(dist, name))
  const stale = JSON.stringify(join(setup, 'stale.mjs'))
  run(at, `(await import(${stale})).removeStale(${JSON.stringify(src)}, ${JSON.stringify(dist)})`)
  const left = readdirSync(dist, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(dist, join(entry.parentPath, entry.name)))
  expect(left.sort()).toEqual(kept)
  expect(existsSync(join(dist, 'old'))).toBe(false)
})
