// The package made by `npm run pack`: installed from a registry into an empty folder, set up, and used as a command and
// as a library.
import { execFile, execFileSync, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { temporaryFolder } from './tiny-folder'

jest.setTimeout(600_000)

const project = resolve(__dirname, '..')
const folder = temporaryFolder()
const run = (command: string, ...args: string[]) =>
  execFileSync(command, args, { cwd: folder, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })
const rlaif = (...args: string[]) => run(process.execPath, join(folder, 'node_modules', '.bin', 'rlaif'), ...args)

/** A registry that has the package, and sends npm elsewhere for every other: as registries do, it says of a package
 * whether it has a shrinkwrap. */
async function startRegistry(tarball: string, files: readonly string[]): Promise<Server> {
  const upstream = execFileSync('npm', ['config', 'get', 'registry'], { encoding: 'utf8' }).trim().replace(/\/$/, '')
  const bytes = readFileSync(tarball)
  const manifest = JSON.parse(readFileSync(join(project, 'package.json'), 'utf8')) as { version: string }
  const server = createServer(({ url }, response) => {
    if (url === '/rlaif.tgz') return response.end(bytes)
    if (url !== '/rlaif') return response.writeHead(302, { location: `${upstream}${url}` }).end()
    const dist = {
      tarball: `${addressOf(server)}/rlaif.tgz`,
      integrity: `sha512-${createHash('sha512').update(bytes).digest('base64')}`,
    }
    const version = { ...manifest, dist, _hasShrinkwrap: files.includes('npm-shrinkwrap.json') }
    const known = { 'dist-tags': { latest: manifest.version }, versions: { [manifest.version]: version } }
    return response.setHeader('content-type', 'application/json').end(JSON.stringify({ name: 'rlaif', ...known }))
  })
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
  return server
}
const addressOf = (server: Server) => `http://127.0.0.1:${(server.address() as AddressInfo).port}`

beforeAll(async () => {
  const packed = JSON.parse(
    execFileSync(
      process.execPath,
      [join(project, 'deploy', 'pack.mjs'), '--json', '--ignore-scripts', '--pack-destination', folder],
      { encoding: 'utf8' },
    ),
  ) as { filename: string; files: { path: string }[] }[]
  const files = packed[0]!.files.map(({ path }) => path)
  writeFileSync(join(folder, 'files.json'), JSON.stringify(files))
  writeFileSync(join(folder, 'package.json'), '{"name": "somebody", "private": true}')
  const registry = await startRegistry(join(folder, packed[0]!.filename), files)
  const quietly = ['--ignore-scripts', '--prefer-offline', '--no-audit', '--no-fund', '--registry', addressOf(registry)]
  await promisify(execFile)('npm', ['install', ...quietly, 'rlaif'], { cwd: folder })
  registry.close()
})

interface Lock {
  packages: Record<string, { version?: string; integrity?: string; dev?: true; devOptional?: true }>
}
const lockOf = (file: string) => (JSON.parse(readFileSync(file, 'utf8')) as Lock).packages

test('what is installed with the package has the versions and digests of our lock file; nothing of development is', () => {
  const ours = Object.entries(lockOf(join(project, 'package-lock.json'))).filter(([place, { dev }]) => place && !dev)
  const theirs = lockOf(join(folder, 'package-lock.json'))
  const within = Object.keys(theirs).filter((place) => place.startsWith('node_modules/rlaif/node_modules/'))
  expect(within.map((place) => place.replace('node_modules/rlaif/', '')).sort()).toEqual(ours.map(([p]) => p).sort())
  for (const [place, { version, integrity }] of ours)
    expect(theirs[`node_modules/rlaif/${place}`]).toMatchObject({ version, integrity })
  expect(Object.keys(theirs)).toHaveLength(within.length + 2) // the project and rlaif
  expect(existsSync(join(project, 'npm-shrinkwrap.json'))).toBe(false)
})

test('the package contains the files needed to run and nothing else', () => {
  const files = JSON.parse(readFileSync(join(folder, 'files.json'), 'utf8')) as string[]
  expect(files).toEqual(
    expect.arrayContaining([
      'LICENSE',
      'README.md',
      'package.json',
      'npm-shrinkwrap.json',
      'dist/cli/main.js',
      'dist/workflows/index.js',
      'dist/evaluation/index.d.ts',
      'setup/main.mjs',
      'tasks/harmless/task.json',
      'schedules/nightly-ablation.json',
      'examples/label-pairs.mjs',
    ]),
  )
  expect(files.filter((name) => /^(src|test|bench|studies|docs|\.)|tsbuildinfo/.test(name))).toEqual([])
})

test('after set-up, the command finds everything and lists the trials of a preset', () => {
  rlaif('setup')
  expect(rlaif('doctor')).toMatch(/✓ device .*TensorFlow 2[\s\S]*✓ temporal[\s\S]*✓ default model/)
  expect(rlaif('sweep', '--preset', 'kl-weight', '--dry-run')).toMatch(/6 trials of align/)
})

test('its messages name its own command, no script of npm', () => {
  const empty = temporaryFolder()
  const nowhere = { RLAIF_CACHE: empty, RLAIF_INSTALLED: empty, RLAIF_HOME: join(empty, 'home') }
  const said = (command: string, environment: object) =>
    spawnSync(process.execPath, [join(folder, 'node_modules', '.bin', 'rlaif'), command], {
      cwd: folder,
      encoding: 'utf8',
      env: { ...process.env, ...nowhere, ...environment },
    })
  const { stdout } = said('doctor', {})
  expect(stdout).toMatch(/✗ default model .*run `npx rlaif setup`/)
  expect(stdout).not.toMatch(/npm (run|start)/)
  expect(said('status', { TEMPORAL_ADDRESS: '127.0.0.1:9' }).stderr).toMatch(/start one with `npx rlaif up`/)
  expect(rlaif('init', join(empty, 'mine'))).toMatch(/^ {2}npx rlaif run align --input /m)
})

const ROOMS = ['contracts', 'data', 'model', 'training', 'feedback', 'evaluation', 'artifacts', 'report', 'world']
const HEAVY = ['model', 'training']

test('every room of the library can be imported with its types', () => {
  const rooms = ROOMS.map((room, i) => `import * as room${i} from 'rlaif/${room}'`)
  writeFileSync(
    join(folder, 'use.ts'),
    [
      ...rooms,
      "import { judgePairs, rowOf, version, type GivenRow } from 'rlaif'",
      "import { localLabeler } from 'rlaif/feedback/local-labeler'",
      "import { wilson, type Share } from 'rlaif/evaluation'",
      'const share: Share = wilson(7, 10)',
      'const wrong: string = share.value',
      'const row: GivenRow = { prompt: "What now?", responses: ["This.", "That."], preferred: 1 }',
      `export { wrong, row, judgePairs, rowOf, version, localLabeler, ${ROOMS.map((_, i) => `room${i}`).join(', ')} }`,
      '',
    ].join('\n'),
  )
  writeFileSync(
    join(folder, 'tsconfig.json'),
    JSON.stringify({
      compilerOptions: {
        noEmit: true,
        strict: true,
        skipLibCheck: true,
        target: 'es2022',
        module: 'node16',
        moduleResolution: 'node16',
        types: [],
      },
      files: ['use.ts'],
    }),
  )
  let output = ''
  try {
    run(process.execPath, join(project, 'node_modules', 'typescript', 'bin', 'tsc'), '-p', '.')
  } catch (error) {
    output = (error as { stdout: string }).stdout
  }
  // The types are found: only the deliberate mistake is reported.
  expect(output.trim()).toMatch(/^use\.ts\(14,7\): error TS2322: Type 'number' is not assignable to type 'string'\.$/)
})

test('names are there for ES modules and for require; only model and training load TensorFlow.js', () => {
  writeFileSync(
    join(folder, 'use.mjs'),
    [
      "import { wilson } from 'rlaif/evaluation'",
      "import * as all from 'rlaif'",
      "import { alignSchema, judgePairs, rowOf, version } from 'rlaif'",
      'console.log(wilson(7, 10).value, version, all.wilson === wilson, [alignSchema, judgePairs, rowOf].every(Boolean))',
    ].join('\n'),
  )
  expect(run(process.execPath, 'use.mjs')).toBe('0.7 0.1.0 true true\n')
  const loads = (entry: string) =>
    run(
      process.execPath,
      '-e',
      `require('${entry}'); console.log(Object.keys(require.cache).some((file) => file.includes('tfjs')))`,
    ).trim() === 'true'
  expect(ROOMS.filter((room) => loads(`rlaif/${room}`))).toEqual(HEAVY)
  expect(loads('rlaif')).toBe(false)
})

test('what is not listed cannot be imported: single files of a room, workflows, workers', () => {
  for (const entry of ['evaluation/statistics', 'workflows', 'workers/worker', 'cli/main'])
    expect(() => run(process.execPath, '-e', `require('rlaif/${entry}')`)).toThrow(/not defined by "exports"/)
})

test('an example runs in the installed package', () => {
  expect(run(process.execPath, join('node_modules', 'rlaif', 'examples', 'label-pairs.mjs'))).toMatch(/= 0\.773/)
})
