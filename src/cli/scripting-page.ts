// `rlaif schema --output --markdown`: what scripts need of the command as a page, docs/scripting.md: exit codes, and
// what each command prints with --json.
import { z } from 'zod'
import { commandOutputs, type CommandWithOutput } from '../contracts/command-output'
import { EXIT_CODES } from '../contracts/exit-codes'
import type { JsonSchema } from '../contracts/json-schema'
import { escapeCell, valuesOf } from './schema-table'

const HEAD = `# Scripting

<!-- Written by \`npm run docs:settings\` from src/contracts/exit-codes.ts and src/contracts/command-output.ts. Do not edit. -->

With \`--json\`, a command prints one JSON object on standard output, and everything else on standard error. What was
used wrongly prints nothing there: the exit code and the message on standard error say so. The exit code of a run that
failed, parked or was cancelled comes with the object.

\`\`\`
rlaif run align --input settings.json --json > run.json || echo "exit code $?"
rlaif status --parked --json | jq -r '.runs[] | .id + ": " + .parked[0].reason'
rlaif status nightly-ablation --json | jq .answer.figures
\`\`\``

const WHO =
  'Exit codes 1, 3 and 4 tell how a run stands in `rlaif run` and `sweep` without `--detach`, and `status <run>`.'

export function scriptingPage(): string {
  const shown = new Map<string, string>()
  const sections = [
    HEAD,
    '## Exit codes',
    table(
      ['code', 'meaning'],
      Object.values(EXIT_CODES).map(({ code, meaning }) => [`${code}`, meaning]),
    ),
    WHO,
    '## What --json prints',
    '`rlaif schema --output <command>` prints the same as JSON Schema. “–” marks what may be missing.',
    ...(Object.keys(commandOutputs) as CommandWithOutput[]).flatMap((command) => commandSection(command, shown)),
  ]
  return `${sections.join('\n\n')}\n`
}

/** What a command prints with --json, as JSON Schema. */
export const outputJsonSchema = (command: CommandWithOutput): JsonSchema => ({
  ...(z.toJSONSchema(commandOutputs[command], { io: 'output' }) as JsonSchema),
  title: `rlaif ${command} --json`,
})

/** @param shown the command under which each form so far is shown, by its schema */
function commandSection(command: CommandWithOutput, shown: Map<string, string>): string[] {
  const schema = outputJsonSchema(command)
  const forms = (schema.anyOf as JsonSchema[] | undefined) ?? [schema]
  return [
    `### ${command}`,
    ...forms.flatMap((form, i) => {
      const intro = forms.length === 1 ? '' : WHICH_STATUS[i]!
      const key = JSON.stringify(form.properties)
      const before = shown.get(key)
      if (before !== undefined) return [`${intro}The same as [${before}](#${before}).`]
      shown.set(key, command)
      return [...(intro === '' ? [] : [`${intro.trim()}`]), fieldTable(form)]
    }),
  ]
}

/** `status` prints another object for one run than for the list. */
const WHICH_STATUS = ['Without a run: ', 'With one: ']

const fieldTable = (schema: JsonSchema): string =>
  table(['field', 'values', 'always', 'description'], fieldRows(schema, ''))

/** A row for each field, the fields of an object or of the entries of a list below it. */
function fieldRows({ properties = {}, required = [] }: JsonSchema, path: string): string[][] {
  return Object.entries(properties).flatMap(([name, field]) => {
    const isList = field.type === 'array'
    const at = `${path}${name}${isList ? '[]' : ''}`
    const inner = isList ? (field.items as JsonSchema) : field
    const row = [
      `\`${at}\``,
      valuesOf(field),
      required.includes(name) ? 'yes' : '–',
      String(field.description ?? inner.description ?? ''),
    ]
    return [row, ...fieldRows(inner, `${at}.`)]
  })
}

const table = (head: readonly string[], rows: readonly (readonly string[])[]): string =>
  [
    `| ${head.join(' | ')} |`,
    `|${'---|'.repeat(head.length)}`,
    ...rows.map((row) => `| ${row.map(escapeCell).join(' | ')} |`),
  ].join('\n')
