// What README and docs/architecture.md say of the structure: who knows whom, and how long things are.
import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { basename, dirname, join, relative, resolve } from 'node:path'
import ts from 'typescript'
import { stageSchemas } from '../src/contracts/stages'

const root = resolve(__dirname, '..')
const src = join(root, 'src')
const files = (readdirSync(src, { recursive: true }) as string[])
  .filter((name) => name.endsWith('.ts'))
  .map((name) => join(src, name))
const textOf = new Map(files.map((file) => [file, readFileSync(file, 'utf8')]))
const shown = (file: string) => relative(root, file)

interface Room {
  rooms: string[]
  temporal?: true
  tensorflow?: true
  node?: false
}
// eslint-disable-next-line @typescript-eslint/no-require-imports
const { ROOMS: rooms } = require('../rooms.js') as { ROOMS: Record<string, Room> }

/** The files of src/ that a file imports, types and dynamic imports among them. */
function importsOf(file: string): string[] {
  return ts
    .preProcessFile(textOf.get(file)!, true, true)
    .importedFiles.map(({ fileName }) => fileName)
    .filter((name) => name.startsWith('.'))
    .map((name) => resolve(dirname(file), name.replace(/\.js$/, '')))
    .map((target) => [`${target}.ts`, join(target, 'index.ts')].find((path) => textOf.has(path)))
    .filter((target) => target !== undefined)
}

describe('imports', () => {
  test('run in no circle', () => {
    const done = new Set<string>()
    const visit = (file: string, path: readonly string[]): void => {
      if (path.includes(file)) throw new Error([...path.slice(path.indexOf(file)), file].map(shown).join(' → '))
      if (done.has(file)) return
      for (const target of importsOf(file)) visit(target, [...path, file])
      done.add(file)
    }
    expect(files.length).toBeGreaterThan(150)
    expect(files.flatMap(importsOf).length).toBeGreaterThan(500)
    for (const file of files) visit(file, [])
  })

  test('every folder of src/ is a room of rooms.js, and rooms point down: no room is above itself', () => {
    const folders = readdirSync(src, { withFileTypes: true }).filter((entry) => entry.isDirectory())
    expect(folders.map(({ name }) => name).sort()).toEqual(Object.keys(rooms).sort())
    const height = (name: string, path: readonly string[] = []): number => {
      if (path.includes(name)) throw new Error([...path, name].join(' → '))
      return 1 + Math.max(0, ...rooms[name]!.rooms.map((other) => height(other, [...path, name])))
    }
    for (const name of Object.keys(rooms)) expect(height(name)).toBeGreaterThan(0)
  })
})

describe("a room's index.ts", () => {
  const { exports: entries } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
    exports: Record<string, { default: string } | string>
  }
  const ofLibrary = Object.values(entries).flatMap((entry) => {
    const room = typeof entry === 'string' ? undefined : /^\.\/dist\/(\w+)\/index\.js$/.exec(entry.default)?.[1]
    return room === undefined ? [] : [join(src, room, 'index.ts')]
  })

  test('is for users of the package: no file of src/ imports it but the root entry, which no file imports', () => {
    const entry = join(src, 'index.ts')
    expect(ofLibrary).toHaveLength(9)
    const importing = (targets: readonly string[]) =>
      files.filter((file) => importsOf(file).some((target) => targets.includes(target))).map(shown)
    expect(importing(ofLibrary)).toEqual([shown(entry)])
    expect(importing([entry])).toEqual([])
  })

  test('names each of its exports, and exports only what files of the room have', () => {
    for (const file of ofLibrary) {
      const source = ts.createSourceFile(file, textOf.get(file)!, ts.ScriptTarget.ES2022, true)
      const notNamed = source.statements.filter(
        (statement) => !ts.isExportDeclaration(statement) || !statement.exportClause,
      )
      expect([shown(file), notNamed.map((statement) => statement.getText())]).toEqual([shown(file), []])
      expect(
        importsOf(file)
          .filter((target) => dirname(target) !== dirname(file))
          .map(shown),
      ).toEqual([])
    }
  })
})

test('no message names a script of npm, which an installed package has not, but by installation.ts', () => {
  const naming: string[] = []
  const visit = (node: ts.Node, file: string): void => {
    const isText = ts.isStringLiteralLike(node) || ts.isTemplateHead(node) || ts.isTemplateMiddleOrTemplateTail(node)
    if (isText && /npm (run|start|test)/.test(node.text)) naming.push(`${shown(file)}: ${node.text}`)
    ts.forEachChild(node, (child) => visit(child, file))
  }
  for (const file of files) visit(ts.createSourceFile(file, textOf.get(file)!, ts.ScriptTarget.ES2022, true), file)
  const allowed = ['src/installation.ts', 'src/cli/settings-page.ts', 'src/cli/scripting-page.ts'] // which write docs/
  expect(naming.filter((line) => !allowed.some((file) => line.startsWith(file)))).toEqual([])
})

describe('src/activities/stages', () => {
  const stages = files.filter((file) => shown(file).startsWith('src/activities/stages/'))

  test('has one file a stage, and nothing else', () => {
    expect(stages.map((file) => basename(file, '.ts')).sort()).toEqual(Object.keys(stageSchemas).sort())
  })

  test('no stage imports another: what several need is in src/activities', () => {
    expect(stages.filter((file) => importsOf(file).some((target) => stages.includes(target))).map(shown)).toEqual([])
  })
})

/** For each file, which of the lines planted in it are refused. @param rule default: imports */
const refusedBy = (asked: { file: string; lines: string[] }[], ...rule: string[]) =>
  JSON.parse(
    execFileSync(process.execPath, [join(__dirname, 'lint-lines.mjs'), ...rule], {
      cwd: root,
      input: JSON.stringify(asked),
      encoding: 'utf8',
    }),
  ) as string[][]

test('lint refuses to spread a list into arguments, and lists and objects may be spread', () => {
  const refused = [
    'void Math.max(...process.argv)',
    'process.argv.push("a", ...process.argv)',
    'void String.fromCharCode(...[65, 66])',
    'void new Array<string>(...process.argv)',
    'void Math.max.apply(undefined, [1])',
  ]
  const allowed = ['void [...process.argv]', 'void new Set([...process.argv])', 'void ({ ...process.env })']
  const file = join(src, 'random.ts')
  expect(refusedBy([{ file, lines: [...refused, ...allowed] }], 'no-restricted-syntax')).toEqual([refused])
}, 60_000)

describe('the lint rule', () => {
  const fileOf = (room: string) => files.find((file) => dirname(file) === join(src, room))!
  /** One file of each folder inside a room. */
  const nestedFiles = [...new Map(files.map((file) => [dirname(file), file])).values()].filter(
    (file) => shown(file).split('/').length === 4,
  )
  /** Imports to plant in a file of a room, and whether each is to be refused there. @param up the path from the file to src/ */
  function plantedIn(name: string, up = '..'): [line: string, refused: boolean][] {
    const room = rooms[name]!
    return [
      ...Object.keys(rooms)
        .filter((other) => other !== name)
        .map((other): [string, boolean] => [
          `import type * as planted from '${up}/${other}/planted'`,
          !room.rooms.includes(other),
        ]),
      ["import * as planted from '@temporalio/client'", !room.temporal],
      ["import * as planted from '@tensorflow/tfjs-node-gpu'", !room.tensorflow],
      ...(name === 'model'
        ? []
        : [[`import * as planted from '${up}/model/tf'`, !room.tensorflow] as [string, boolean]]),
      ["import * as planted from 'node:fs'", room.node === false],
    ]
  }

  test('refuses each import that a room may not have, and none that it may', () => {
    expect(nestedFiles.map(shown).filter((name) => name.startsWith('src/activities/stages/'))).toHaveLength(1)
    const cases = [
      ...Object.keys(rooms).map((name) => ({ file: fileOf(name), planted: plantedIn(name) })),
      ...nestedFiles.map((file) => ({ file, planted: plantedIn(relative(src, file).split('/')[0]!, '../..') })),
      { file: fileOf('workflows'), planted: [["import * as planted from '../activities/stage'", true]] },
      { file: join(src, 'random.ts'), planted: [["import type * as planted from './contracts/parse'", true]] },
      { file: join(src, 'random.ts'), planted: [["import * as planted from '@temporalio/client'", true]] },
    ] as { file: string; planted: [string, boolean][] }[]
    const asked = cases.map(({ file, planted }) => ({ file, lines: planted.map(([line]) => line) }))
    const refused = refusedBy(asked)
    cases.forEach(({ file, planted }, i) =>
      expect([shown(file), refused[i]]).toEqual([
        shown(file),
        planted.filter(([, isRefused]) => isRefused).map(([line]) => line),
      ]),
    )
  }, 300_000)
})

describe('lengths', () => {
  /** Whole lines of each function, with what stands before it; one inside another counts by itself too. */
  function functionsOf(file: string): { name: string; lines: number; onePage: boolean }[] {
    const source = ts.createSourceFile(file, textOf.get(file)!, ts.ScriptTarget.ES2022, true)
    const lineAt = (position: number) => source.getLineAndCharacterOfPosition(position).line
    const found: { name: string; lines: number; onePage: boolean }[] = []
    const visit = (node: ts.Node): void => {
      if (ts.isFunctionLike(node) && 'body' in node && node.body) {
        const statement = ts.findAncestor(node, ts.isStatement) ?? node
        found.push({
          name: `${shown(file)}:${lineAt(node.getStart()) + 1}`,
          lines: lineAt(node.getEnd()) - lineAt(node.getStart()) + 1,
          onePage: /reads as one page/i.test(source.text.slice(statement.getFullStart(), statement.getStart())),
        })
      }
      ts.forEachChild(node, visit)
    }
    visit(source)
    return found
  }

  test('the median function has at most ten lines, and none over eighty that does not say it reads as one page', () => {
    const functions = files.flatMap(functionsOf)
    const sorted = functions.map(({ lines }) => lines).sort((a, b) => a - b)
    expect(sorted[Math.floor(sorted.length / 2)]).toBeLessThanOrEqual(10)
    expect(functions.filter(({ lines, onePage }) => lines > 80 && !onePage)).toEqual([])
  })

  test('no file has more than 350 lines', () => {
    expect(files.filter((file) => textOf.get(file)!.split('\n').length > 351).map(shown)).toEqual([])
  })

  test('under one line in 200 is over 120 columns, and none over 160', () => {
    const lines = files.flatMap((file) =>
      textOf
        .get(file)!
        .split('\n')
        .map((line) => ({ file: shown(file), line })),
    )
    expect(lines.filter(({ line }) => line.length > 160).map(({ file }) => file)).toEqual([])
    expect(lines.filter(({ line }) => line.length > 120).length / lines.length).toBeLessThan(0.005)
  })
})

test('numbers that people read are formatted in number-format.ts alone', () => {
  const others: Record<string, string> = {
    'src/model/import-gguf.ts': 'rounds what a file stored in float32',
    'src/world/annotator.ts': 'is the text of a simulated annotator',
  }
  const formats = files.filter((file) => /\.to(Fixed|Precision|Exponential|LocaleString)\(/.test(textOf.get(file)!))
  expect(formats.map(shown).sort()).toEqual([...Object.keys(others), 'src/number-format.ts'].sort())
})
