// `rlaif schema --markdown`: every setting of every workflow as a page, docs/settings.md. A group of settings that
// several workflows share is listed once; the others link to it.
import { presets } from '../contracts/presets'
import { workflowSchemas, type WorkflowName } from '../contracts/workflow-inputs'
import { workflowJsonSchema, type JsonSchema } from '../contracts/json-schema'
import { alternativesOf, code, escapeCell, itemOf, valuesOf } from './schema-table'
import { counted } from '../number-format'

const HEAD = `# Settings

<!-- Written by \`npm run docs:settings\` from the schemas in src/contracts/. Do not edit. -->

Every setting of every workflow: its values, its default, and what it does. A group is an object within the input:
\`rl\` → \`klWeight\` is \`{"rl": {"klWeight": 0.1}}\`. "required" marks what has no default and must be given; "–" marks what
may be left out. \`rlaif schema <workflow>\` prints the same as JSON Schema. Examples: [workflows.md](workflows.md).`

/** Longer defaults are described by their size. */
const LONGEST_DEFAULT = 60

/** Sections so far, and each group of settings that has one, with its heading. */
interface Page {
  sections: string[]
  groups: { fields: readonly Field[]; heading: string }[]
}

export function settingsPage(): string {
  const page: Page = { sections: [HEAD, workflowList()], groups: [] }
  for (const workflow of Object.keys(workflowSchemas) as WorkflowName[]) {
    addSection(page, { level: '##', heading: workflow, of: workflow, path: '' }, workflowJsonSchema(workflow))
    if (workflow === 'align') page.sections.push(presetSection())
  }
  return `${page.sections.join('\n\n')}\n`
}

const workflowList = () =>
  `Workflows: ${Object.keys(workflowSchemas)
    .map((name) => `[${name}](#${anchorOf(name)})`)
    .join(', ')}.`

/** Where a table stands: under which heading, in which workflow, below which field. */
interface Place {
  level: '##' | '###'
  heading: string
  of: WorkflowName
  path: string
}

/** Adds the table of a group, then the tables of the groups in it that no earlier section has. */
function addSection(page: Page, place: Place, schema: JsonSchema): void {
  const inner: [Place, JsonSchema][] = []
  const rows = fieldsOf(schema)
    .filter(({ field }) => !isInternal(field))
    .map((row) => {
      const group = groupIn(row.field)
      if (!group) return line(row, valuesOf(row.field))
      const below: Place = { ...place, level: '###', path: join(place.path, row.name), heading: '' }
      below.heading = `${below.path} of ${place.of}`
      const fields = fieldsOf(group)
      const known = page.groups.find((other) => covers(other.fields, fields))
      if (!known) {
        page.groups.push({ fields, heading: below.heading })
        inner.push([below, group])
      }
      const { heading } = known ?? below
      return line(row, valuesOf(row.field, `[group](#${anchorOf(heading)})`))
    })
  page.sections.push(
    `${place.level} ${place.heading}`,
    ['| field | values | default | description |', '|---|---|---|---|', ...rows].join('\n'),
  )
  for (const [below, group] of inner) addSection(page, below, group)
}

/** Whether a group is another one, or most of it: a member of a jury is a labeler that is no jury. */
function covers(whole: readonly Field[], part: readonly Field[]): boolean {
  const inWhole = ({ name, field }: Field) =>
    whole.some((other) => other.name === name && JSON.stringify(other.field) === JSON.stringify(field))
  return 2 * part.length > whole.length && part.every(inWhole)
}

const join = (path: string, name: string) => (path === '' ? name : `${path}.${name}`)
const isInternal = ({ description }: JsonSchema) => String(description).startsWith('Internal:')

/** As GitHub makes it from a heading. */
const anchorOf = (heading: string) =>
  heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\s_-]/gu, '')
    .replace(/\s/g, '-')

interface Field {
  name: string
  field: JsonSchema
  required: boolean
  /** Where a group has several forms and not all have this field: the field that tells the form. */
  onlyWith?: string
}

/**
 * The fields of a group. Of a group with several forms, each field once; the field that only one form has and requires
 * tells the form, and counts as one that may be left out.
 */
function fieldsOf(schema: JsonSchema): Field[] {
  const forms = formsOf(schema)
  const fields = new Map<string, Field>()
  for (const form of forms) {
    const isOwn = (name: string) => forms.length > 1 && forms.every((other) => other === form || !has(other, name))
    const mark = form.required?.find(isOwn)
    for (const [name, field] of Object.entries(form.properties ?? {})) {
      if (fields.has(name)) continue
      const required = mark !== name && (form.required ?? []).includes(name)
      fields.set(name, { name, field, required, ...(isOwn(name) && mark && mark !== name && { onlyWith: mark }) })
    }
  }
  return [...fields.values()]
}

const has = ({ properties }: JsonSchema, name: string) => Object.hasOwn(properties ?? {}, name)

/** The objects that a schema accepts. */
function formsOf(schema: JsonSchema): JsonSchema[] {
  if (schema.properties) return [schema]
  return alternativesOf(schema).flatMap(formsOf)
}

/** The group that a field holds, alone or as items of a list. */
function groupIn(field: JsonSchema): JsonSchema | undefined {
  if (formsOf(field).length > 0) return field
  const item =
    itemOf(field) ??
    alternativesOf(field)
      .map(itemOf)
      .find((one) => one !== undefined)
  return item && formsOf(item).length > 0 ? item : undefined
}

function line({ name, field, required, onlyWith }: Field, values: string): string {
  const condition = onlyWith === undefined ? '' : `With \`${onlyWith}\`: `
  const cells = [`\`${name}\``, values, defaultOf(field, required), condition + String(field.description ?? '')]
  return `| ${cells.map(escapeCell).join(' | ')} |`
}

function defaultOf({ default: value }: JsonSchema, required: boolean): string {
  if (value === undefined) return required ? 'required' : '–'
  const text = JSON.stringify(value)
  if (text.length <= LONGEST_DEFAULT) return `\`${text}\``
  return Array.isArray(value)
    ? counted(value.length, 'entry', 'entries')
    : counted(Object.keys(value as object).length, 'field')
}

/** What each preset of `align` sets; other fields have the defaults above. */
function presetSection(): string {
  const sets = Object.entries(presets).map(([name, given]) => ({ name, values: new Map(flattened(given)) }))
  const fields = [...new Set(sets.flatMap(({ values }) => [...values.keys()]))]
  const rows = fields.map((field) =>
    [`\`${field}\``, ...sets.map(({ values }) => (values.has(field) ? code(values.get(field)) : 'default'))].join(
      ' | ',
    ),
  )
  const names = sets.map(({ name }) => `\`"${name}"\``)
  return [
    '### Presets of align',
    'What each `preset` sets. Fields that are not listed have the defaults above; your own fields override both.',
    [`| field | ${names.join(' | ')} |`, `|---|${'---|'.repeat(sets.length)}`, ...rows.map((row) => `| ${row} |`)].join(
      '\n',
    ),
  ].join('\n\n')
}

/** The leaves of nested settings, by their path. */
function flattened(value: object, path = ''): [string, unknown][] {
  return Object.entries(value).flatMap(([name, inner]: [string, unknown]) =>
    typeof inner === 'object' && inner !== null && !Array.isArray(inner)
      ? flattened(inner, join(path, name))
      : [[join(path, name), inner] as [string, unknown]],
  )
}
