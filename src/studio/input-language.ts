// What the editor knows of an input while a person types: which fields and values may stand where (VS Code's JSON
// language service, on the JSON Schema of `rlaif schema`), and what is wrong, in the words in which the run itself
// would refuse it.
import { findNodeAtLocation, parseTree, printParseErrorCode, type Node, type ParseError } from 'jsonc-parser'
import { getLanguageService, TextDocument, type CompletionItem } from 'vscode-json-languageservice'
import { workflowJsonSchema } from '../contracts/json-schema'
import { faultsOf, InvalidInput } from '../contracts/parse'
import { workflowSchemas, type WorkflowName } from '../contracts/workflow-inputs'
import { checkInput } from '../runs/check-input'
import { parseGivenJson } from '../runs/given-json'

/** A part of the text, in characters from its start. */
interface Span {
  from: number
  to: number
}

export interface TextFault extends Span {
  text: string
}

/** What is known of a text: the run in a sentence, or what is wrong and where. */
export type Checked = { faults: TextFault[]; summary?: never } | { faults: []; summary: string; input: unknown }

export interface Suggestions extends Span {
  options: { label: string; detail: string; info: string; apply: string }[]
}

const MOST_OPTIONS = 100

const addressOf = (workflow: WorkflowName) => `file:///${workflow}.json`
const language = getLanguageService({
  clientCapabilities: { textDocument: { completion: { completionItem: { documentationFormat: ['plaintext'] } } } },
})
let isConfigured = false

function documentOf(workflow: WorkflowName, text: string) {
  if (!isConfigured)
    language.configure({
      validate: false,
      schemas: (Object.keys(workflowSchemas) as WorkflowName[]).map((name) => ({
        uri: `${addressOf(name)}#schema`,
        fileMatch: [`${name}.json`],
        schema: workflowJsonSchema(name),
      })),
    })
  isConfigured = true
  const document = TextDocument.create(addressOf(workflow), 'jsonc', 1, text)
  return { document, json: language.parseJSONDocument(document) }
}

/** What may stand at a place. */
export async function suggestions(workflow: WorkflowName, text: string, at: number): Promise<Suggestions> {
  const { document, json } = documentOf(workflow, text)
  const found = await language.doComplete(document, document.positionAt(at), json)
  const items = found?.items ?? []
  const spanOf = ({ textEdit }: CompletionItem): Span => {
    if (!textEdit || !('range' in textEdit)) return { from: at, to: at }
    return { from: document.offsetAt(textEdit.range.start), to: document.offsetAt(textEdit.range.end) }
  }
  const span = items[0] ? spanOf(items[0]) : { from: at, to: at }
  const typed = text.slice(span.from, at).replaceAll('"', '').toLowerCase()
  const options = items
    .filter((item) => spanOf(item).from === span.from && item.label.toLowerCase().includes(typed))
    .slice(0, MOST_OPTIONS)
    .map((item) => ({
      label: item.label,
      detail: item.detail ?? '',
      info: plainText(item.documentation),
      apply: item.textEdit?.newText ?? item.insertText ?? item.label,
    }))
  return { ...span, options }
}

/** What a field means. */
export async function explanation(workflow: WorkflowName, text: string, at: number): Promise<TextFault | undefined> {
  const { document, json } = documentOf(workflow, text)
  const hover = await language.doHover(document, document.positionAt(at), json)
  if (!hover?.range) return undefined
  const said = [hover.contents].flat().map((one) => plainText(one))
  return {
    from: document.offsetAt(hover.range.start),
    to: document.offsetAt(hover.range.end),
    text: said.join('\n').replaceAll(/\\([\\`*_{}[\]()#+\-.!<>])/g, '$1'),
  }
}

const plainText = (given: string | { value: string } | undefined): string =>
  typeof given === 'string' ? given : (given?.value ?? '')

// ---- What is wrong

/** Everything that is wrong with a text, or what it would start. */
export function checked(workflow: WorkflowName, text: string): Checked {
  const errors: ParseError[] = []
  const tree = parseTree(text, errors, { allowTrailingComma: true })
  if (errors.length > 0) return { faults: errors.map(notJson) }
  const input = text.trim() === '' ? undefined : parseGivenJson(text, 'the input')
  const faults = faultsOf(workflowSchemas[workflow], input)
  if (faults.length > 0)
    return { faults: faults.map(({ path, text: said }) => ({ ...spanOf(tree, path), text: said })) }
  try {
    return { faults: [], summary: checkInput(workflow, input), input }
  } catch (error) {
    if (!(error instanceof InvalidInput)) throw error
    const path = /field "([^"]+)"/.exec(error.message)?.[1]?.split('.') ?? []
    return { faults: [{ ...spanOf(tree, path), text: error.message }] }
  }
}

const notJson = ({ error, offset, length }: ParseError): TextFault => ({
  from: offset,
  to: offset + Math.max(1, length),
  text: `this is no JSON: ${wordsOf(printParseErrorCode(error))}`,
})

/** "PropertyNameExpected" → "property name expected" */
const wordsOf = (code: string): string => code.replaceAll(/(?<=[a-z])(?=[A-Z])/g, ' ').toLowerCase()

/** The field itself where it is written, else the closest one around it. */
function spanOf(tree: Node | undefined, path: readonly PropertyKey[]): Span {
  for (let length = path.length; tree && length > 0; length--) {
    const segments = path.slice(0, length).map((key) => (/^\d+$/.test(String(key)) ? Number(key) : String(key)))
    const node = findNodeAtLocation(tree, segments)
    const named = node?.parent?.type === 'property' ? node.parent : node
    if (named) return { from: named.offset, to: named.offset + named.length }
  }
  return { from: tree?.offset ?? 0, to: (tree?.offset ?? 0) + 1 }
}
