// The package made by `npm pack`: installed into an empty folder, set up, and used as a command and as a library.
import { execFileSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { temporaryFolder } from './tiny-folder'

jest.setTimeout(600_000)

const project = resolve(__dirname, '..')
const folder = temporaryFolder()
const run = (command: string, ...args: string[]) =>
  execFileSync(command, args, { cwd: folder, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })
const rlaif = (...args: string[]) => run(process.execPath, join(folder, 'node_modules', '.bin', 'rlaif'), ...args)

beforeAll(() => {
  const packed = JSON.parse(
    execFileSync('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', folder], {
      cwd: project,
      encoding: 'utf8',
    }),
  ) as { filename: string; files: { path: string }[] }[]
  writeFileSync(join(folder, 'files.json'), JSON.stringify(packed[0]!.files.map(({ path }) => path)))
  writeFileSync(join(folder, 'package.json'), '{"name": "somebody", "private": true}')
  run(
    'npm',
    'install',
    '--ignore-scripts',
    '--prefer-offline',
    '--no-audit',
    '--no-fund',
    join(folder, packed[0]!.filename),
  )
})

test('the package contains the files needed to run and nothing else', () => {
  const files = JSON.parse(readFileSync(join(folder, 'files.json'), 'utf8')) as string[]
  expect(files).toEqual(
    expect.arrayContaining([
      'LICENSE',
      'README.md',
      'package.json',
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

const ROOMS = ['contracts', 'data', 'model', 'training', 'feedback', 'evaluation', 'artifacts', 'report', 'world']
const HEAVY = ['model', 'training']

test('every room of the library can be imported with its types', () => {
  const rooms = ROOMS.map((room, i) => `import * as room${i} from 'rlaif/${room}'`)
  writeFileSync(
    join(folder, 'use.ts'),
    [
      ...rooms,
      "import { version } from 'rlaif'",
      "import { localLabeler } from 'rlaif/feedback/local-labeler'",
      "import { wilson, type Share } from 'rlaif/evaluation'",
      'const share: Share = wilson(7, 10)',
      'const wrong: string = share.value',
      `export { wrong, version, localLabeler, ${ROOMS.map((_, i) => `room${i}`).join(', ')} }`,
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
      "import { version } from 'rlaif'",
      'console.log(wilson(7, 10).value, version)',
    ].join('\n'),
  )
  expect(run(process.execPath, 'use.mjs')).toBe('0.7 0.1.0\n')
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
