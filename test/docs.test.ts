// What the documents tell a user to type or to send exists: every command and flag, every input, every link.
import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { checkInput } from '../src/cli/input'
import { readDeclarations } from '../src/cli/schedule'
import { resolutionSchema } from '../src/contracts/resolution'
import { workflowSchemas, type WorkflowName } from '../src/contracts/workflow-inputs'
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
    .flatMap((line) => /^(?:[A-Z_]+=\S+ +)*(?:npm run rlaif -- |rlaif )(.+)$/.exec(line)?.[1] ?? [])
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

/** Whether a workflow, an update or a schedule takes this. */
function isTaken(text: string): boolean {
  const value = JSON.parse(text) as Record<string, unknown>
  if ('action' in value) return resolutionSchema.safeParse(value).success
  if ('cron' in value || 'calendar' in value) {
    const file = join(temporaryFolder(), 'schedule.json')
    writeFileSync(file, text)
    return readDeclarations([file]).length === 1
  }
  return (Object.keys(workflowSchemas) as WorkflowName[]).some((workflow) => {
    try {
      checkInput(workflow, value)
      return true
    } catch {
      return false
    }
  })
}

test('every JSON input in the documents is taken by a workflow or as a schedule', () => {
  const inputs = pages.flatMap((page) => [
    ...blocks(page, 'json').map((block) => ({ page, block })),
    ...[...textOf(page).matchAll(/--input '(\{[\s\S]*?\})'(?:\n|`| |$)/g)].map(([, block]) => ({
      page,
      block: block!,
    })),
  ])
  expect(inputs.length).toBeGreaterThan(15)
  const refused = inputs
    .filter(({ block }) => !block.includes('…') && !isTaken(block))
    .map(({ page, block }) => `${page}: ${block}`)
  expect(refused).toEqual([])
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
