// What a command loads before it does anything: no more than it needs, so that it answers at once.
import { execFileSync } from 'node:child_process'
import { join } from 'node:path'

const MAIN = join(__dirname, '..', '..', 'dist', 'cli', 'main.js')
/** Packages that only some commands use: charts, workers, servers, tokenizers and models. */
const HEAVY =
  /node_modules\/(echarts|rxjs|hono|@hono|@huggingface\/tokenizers|@tensorflow|vscode-json-languageservice|@temporalio\/worker)\//

/** The files that Node has loaded when a command has printed its help. */
const loadedBy = (...args: string[]): string[] =>
  execFileSync(
    process.execPath,
    [
      '-e',
      `process.argv.splice(1, 0, ${JSON.stringify(MAIN)})
       process.on('exit', () => console.log('LOADED ' + JSON.stringify(Object.keys(require.cache))))
       require(${JSON.stringify(MAIN)})`,
      ...args,
    ],
    { encoding: 'utf8' },
  )
    .split('LOADED ')
    .slice(1)
    .flatMap((json) => JSON.parse(json) as string[])

test.each([[['status']], [['run']], [['report']], [['up']], [['studio']], [['push']]])('%j', (args) => {
  const loaded = loadedBy(...args, '--help')
  expect(loaded).toContain(MAIN)
  expect(loaded.filter((file) => HEAVY.test(file))).toEqual([])
})
