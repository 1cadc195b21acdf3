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
      'dist/evaluation/statistics.d.ts',
      'setup/main.mjs',
      'tasks/harmless/task.json',
      'schedules/nightly-ablation.json',
    ]),
  )
  expect(files.filter((name) => /^(src|test|bench|studies|docs|\.)|tsbuildinfo/.test(name))).toEqual([])
})

test('after set-up, the command finds everything and lists the trials of a preset', () => {
  rlaif('setup')
  expect(rlaif('doctor')).toMatch(/✓ device .*TensorFlow 2[\s\S]*✓ temporal[\s\S]*✓ default model/)
  expect(rlaif('sweep', '--preset', 'kl-weight', '--dry-run')).toMatch(/6 trials of align/)
})

test('files of the library rooms can be imported with their types; those of workflows and workers cannot', () => {
  writeFileSync(
    join(folder, 'use.ts'),
    [
      "import { wilson, type Share } from 'rlaif/evaluation/statistics'",
      'const share: Share = wilson(7, 10)',
      'const wrong: string = share.value',
      'export { wrong }',
      '',
    ].join('\n'),
  )
  writeFileSync(
    join(folder, 'tsconfig.json'),
    JSON.stringify({
      compilerOptions: { noEmit: true, strict: true, module: 'node16', moduleResolution: 'node16', types: [] },
      files: ['use.ts'],
    }),
  )
  writeFileSync(
    join(folder, 'use.cjs'),
    [
      "const { wilson } = require('rlaif/evaluation/statistics')",
      "const { parse } = require('rlaif/contracts/parse')",
      'console.log(wilson(7, 10).value, typeof parse)',
    ].join('\n'),
  )
  expect(run(process.execPath, 'use.cjs')).toBe('0.7 function\n')
  const compile = () => run(process.execPath, join(project, 'node_modules', 'typescript', 'bin', 'tsc'), '-p', '.')
  let output = ''
  try {
    compile()
  } catch (error) {
    output = (error as { stdout: string }).stdout
  }
  // The types are found: only the deliberate mistake is reported.
  expect(output).toMatch(/use\.ts\(3,7\): error TS2322: Type 'number' is not assignable to type 'string'/)
  expect(output).not.toMatch(/statistics/)
  expect(() => run(process.execPath, '-e', "require('rlaif/workers/worker')")).toThrow(/not defined by "exports"/)
})
