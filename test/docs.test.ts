// What the documents tell a user to type or to send exists: every command and flag, every input, every link.
import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { checkInput } from '../src/runs/check-input'
import { workflowName } from '../src/cli/input'
import { readDeclarations } from '../src/cli/schedule'
import { resolutionSchema } from '../src/contracts/resolution'
import { temporaryFolder } from './tiny-folder'

jest.setTimeout(120_000)

const project = resolve(__dirname, '..')
const pages = [
  'README.md',
  'CONTRIBUTING.md',
  'AGENTS.md',
  ...readdirSync(join(project, 'docs'), { recursive: true }).map((name) => join('docs', String(name))),
].filter((name) => name.endsWith('.md'))
const textOf = (page: string) => readFileSync(join(project, page), 'utf8')
const blocks = (page: string, language: string) =>
  [...textOf(page).matchAll(new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\``, 'gm'))].map(([, block]) => block!)

/** Command lines of a page: in blocks and between backticks; continued lines are joined. */
function commandLines(page: string): string[] {
  const inBlocks = blocks(page, '').flatMap((block) => block.split('\n'))
  const inText = [...textOf(page).matchAll(/`(rlaif [^`\n]+)`/g)].map(([, line]) => line!)
  return [...inBlocks, ...inText]
    .flatMap((line) => /^(?:\$ )?(?:[A-Z_]+=\S+ +)*(?:npm run rlaif -- |rlaif )(.+)$/.exec(line)?.[1] ?? [])
    .map((line) => line.replace(/\s#.*$/, '').replace(/ {2,}.*$/, ''))
}

const helps = new Map<string, string>()
function helpOf(...path: string[]): string {
  const key = path.join(' ')
  if (!helps.has(key))
    helps.set(
      key,
      spawnSync(process.execPath, [join(project, 'dist', 'cli', 'main.js'), ...path, '--help'], { encoding: 'utf8' })
        .stdout,
    )
  return helps.get(key)!
}

test('every command and flag in the documents is one that the command knows', () => {
  const commands = [...helpOf().matchAll(/^ {2}([a-z-]+)/gm)].map(([, name]) => name!)
  const unknown = pages.flatMap((page) =>
    commandLines(page).flatMap((line) => {
      const words = line.replace(/'[^']*'?/g, 'X').split(/\s+/)
      const [name = '', sub = ''] = words
      if (name === '--version' || /[<…]/.test(name)) return []
      if (!commands.includes(name)) return [`${page}: rlaif ${name}`]
      const subcommands = [...helpOf(name).matchAll(/^Commands:\n([\s\S]*)/gm)].flatMap(([, list]) =>
        [...list!.matchAll(/^ {2}([a-z-]+)/gm)].map(([, one]) => one!),
      )
      const help = subcommands.length > 0 && subcommands.includes(sub) ? helpOf(name, sub) : helpOf(name)
      const flags = words
        .filter((word) => /^--[a-z]/.test(word))
        .map((word) => word.split('=')[0]!.replace(/[^\w-].*$/, ''))
      return flags.filter((flag) => !help.includes(flag)).map((flag) => `${page}: rlaif ${line}: ${flag}`)
    }),
  )
  expect(unknown).toEqual([])
  expect(helps.size).toBeGreaterThan(10)
})

/** JSON of a page, and what is to take it: the name of a workflow, "schedule" or "resolveFailure". */
interface Input {
  page: string
  json: string
  takenBy: string
}

/** Commands that take the input of `align` and use a part of it. */
const TAKE_ALIGN = new Set(['prompt', 'serve-reward'])

/** Blocks name what takes them behind the language ("json sweep"); on a command line the command says it. */
function inputsOf(page: string): Input[] {
  const inBlocks = [...textOf(page).matchAll(/^```json(.*)\n([\s\S]*?)^```/gm)].map(([, takenBy, json]): Input => ({
    page,
    json: json!,
    takenBy: takenBy!.trim(),
  }))
  const inCommands = [
    ...textOf(page).matchAll(/rlaif(?: --)? ([a-z-]+) (\w+)?[^`\n]*--(input|overrides) '(\{[\s\S]*?\})'/g),
  ].map(([, command, workflow, flag, json]): Input => ({
    page,
    json: flag === 'overrides' ? `{"action": "retry", "overrides": ${json}}` : json!,
    takenBy:
      flag === 'overrides'
        ? 'resolveFailure'
        : command === 'run'
          ? workflow!
          : TAKE_ALIGN.has(command!)
            ? 'align'
            : command!,
  }))
  return [...inBlocks, ...inCommands]
}

/** Why an input is not taken by what the page says it is for, or undefined. "…" stands for a name of the reader's own. */
function refusalOf({ json, takenBy }: Input): string | undefined {
  try {
    const value: unknown = JSON.parse(
      json.replaceAll('"baseUrl": "…"', '"baseUrl": "http://127.0.0.1"').replaceAll('…', 'x'),
    )
    if (takenBy === 'schedule') readDeclarations([written(JSON.stringify(value))])
    else if (takenBy === 'resolveFailure') resolutionSchema.parse(value)
    else checkInput(workflowName(takenBy), value)
    return undefined
  } catch (error) {
    return (error as Error).message
  }
}

function written(text: string): string {
  const file = join(temporaryFolder(), 'schedule.json')
  writeFileSync(file, text)
  return file
}

test('every JSON input in the documents is taken by the workflow, schedule or message that it is shown for', () => {
  const inputs = pages.flatMap(inputsOf)
  expect(inputs.filter(({ takenBy }) => takenBy === 'align').length).toBeGreaterThan(10)
  expect(inputs.filter(({ takenBy }) => takenBy !== 'align').length).toBeGreaterThan(8)
  expect(inputs.map((input) => [input.page, input.json, refusalOf(input)]).filter(([, , refusal]) => refusal)).toEqual(
    [],
  )
})

test.each([
  ['the input of another workflow', { json: '{"base": {}}', takenBy: 'align' }, /unknown field "base"/],
  ['a value that does not fit', { json: '{"rl": {"klWeight": 2}}', takenBy: 'align' }, /rl\.klWeight/],
  ['fields left out by "…"', { json: '{"rl": {…}}', takenBy: 'align' }, /JSON/],
  ['a block that does not say what takes it', { json: '{}', takenBy: '' }, /there is no workflow ""/],
])('the test above refuses %s', (_, input, refusal) => {
  expect(refusalOf({ page: '', ...input })).toMatch(refusal)
})

test('every link between documents, and to files of the project, leads somewhere', () => {
  const broken = pages.flatMap((page) =>
    [...textOf(page).matchAll(/\]\((?!https?:)([^)#\s]*)(#[^)\s]*)?\)/g)].flatMap(([, path, anchor]) => {
      const target = path === '' ? join(project, page) : resolve(project, dirname(page), path!)
      if (!existsSync(target)) return [`${page}: ${path}`]
      if (!anchor || !target.endsWith('.md')) return []
      const anchors = [...readFileSync(target, 'utf8').matchAll(/^#+ (.+)$/gm)].map(
        ([, head]) =>
          `#${head!
            .toLowerCase()
            .replace(/[^\p{L}\p{N}\s_-]/gu, '')
            .replace(/\s/g, '-')}`,
      )
      return anchors.includes(anchor) ? [] : [`${page}: ${relative(project, target)}${anchor}`]
    }),
  )
  expect(broken).toEqual([])
})

test('README fits in 150 lines, and docs/README.md lists every page', () => {
  expect(textOf('README.md').split('\n').length).toBeLessThanOrEqual(151)
  const listed = textOf(join('docs', 'README.md'))
  const all = pages.filter((page) => /^docs\/[\w-]+\.md$/.test(page) && page !== join('docs', 'README.md'))
  expect(all.filter((page) => !listed.includes(`](${page.slice('docs/'.length)}`))).toEqual([])
})

test('docs/environment.md lists every variable of ours that the code reads', () => {
  const files = ['src', 'setup'].flatMap((folder) =>
    readdirSync(join(project, folder), { recursive: true })
      .map((name) => join(folder, String(name)))
      .filter((name) => /\.m?[jt]s$/.test(name)),
  )
  const read = new Set(files.flatMap((file) => textOf(file).match(/\bRLAIF_[A-Z]+(_[A-Z]+)*\b/g) ?? []))
  expect(read.size).toBeGreaterThan(6)
  expect([...read].filter((name) => !textOf(join('docs', 'environment.md')).includes(`\`${name}`))).toEqual([])
})
