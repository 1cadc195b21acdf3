// The commands that no suite runs, studies, benches and rehearsals: what they take from the product is there.
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import ts from 'typescript'

const root = resolve(__dirname, '..')
const scripts = ['bench', 'chaos', 'deploy', 'fuzz', 'setup', 'studies', 'test'].flatMap((folder) =>
  (readdirSync(join(root, folder), { recursive: true }) as string[])
    .filter((name) => /\.[cm]?js$/.test(name))
    .map((name) => join(root, folder, name)),
)
const parsed = (file: string) =>
  ts.createSourceFile(file, readFileSync(file, 'utf8'), ts.ScriptTarget.ES2022, true, ts.ScriptKind.TS)

/** What a script names of a file of this project. */
interface Taken {
  from: string
  names: string[]
}

function takenBy(script: string): Taken[] {
  const found: Taken[] = []
  const add = (from: ts.Expression, names: readonly string[]) => {
    if (ts.isStringLiteral(from) && from.text.startsWith('.'))
      found.push({ from: resolve(dirname(script), from.text), names: [...names] })
  }
  const visit = (node: ts.Node): void => {
    if (ts.isImportDeclaration(node)) add(node.moduleSpecifier, namesOf(node.importClause?.namedBindings))
    if (ts.isVariableDeclaration(node)) {
      const call = node.initializer && ts.isAwaitExpression(node.initializer) ? node.initializer.expression : undefined
      const loads = call ?? node.initializer
      if (loads && ts.isCallExpression(loads) && /^(import|require)$/.test(loads.expression.getText()))
        add(loads.arguments[0]!, namesOf(node.name))
    }
    ts.forEachChild(node, visit)
  }
  visit(parsed(script))
  return found
}

const namesOf = (bound: ts.NamedImportBindings | ts.BindingName | undefined): string[] =>
  bound && (ts.isNamedImports(bound) || ts.isObjectBindingPattern(bound))
    ? bound.elements.map(({ propertyName, name }) => (propertyName ?? name).getText())
    : []

/** The file itself; of what is compiled, its source. */
const sourceOf = (file: string): string =>
  file
    .replace(join(root, 'dist'), join(root, 'src'))
    .replace(/^(.*\/src\/.*)\.js$/, '$1.ts')
    .replace(/^(?!.*\.\w+$)(.*)$/, '$1.js')

const exported = new Map<string, Set<string>>()
function exportsOf(file: string): Set<string> {
  const known = exported.get(file)
  if (known) return known
  const names = new Set<string>()
  exported.set(file, names)
  for (const statement of parsed(file).statements) {
    const isExport = ts.canHaveModifiers(statement) && /^export\b/.test(statement.getText())
    if (ts.isExportDeclaration(statement)) {
      if (statement.exportClause && ts.isNamedExports(statement.exportClause))
        statement.exportClause.elements.forEach(({ name }) => names.add(name.text))
    } else if (isExport && ts.isVariableStatement(statement))
      statement.declarationList.declarations.forEach(({ name }) => bindingNames(name).forEach((one) => names.add(one)))
    else if (isExport && (ts.isFunctionDeclaration(statement) || ts.isClassDeclaration(statement)))
      names.add(statement.name!.text)
    else if (ts.isExpressionStatement(statement)) commonJsNames(statement.expression).forEach((name) => names.add(name))
  }
  return names
}

const bindingNames = (name: ts.BindingName): string[] =>
  ts.isIdentifier(name)
    ? [name.text]
    : name.elements.flatMap((one) => (ts.isBindingElement(one) ? bindingNames(one.name) : []))

/** Of `module.exports = { … }` and `exports.name = …`. */
function commonJsNames(expression: ts.Expression): string[] {
  if (!ts.isBinaryExpression(expression)) return []
  const { left, right } = expression
  if (left.getText() === 'module.exports' && ts.isObjectLiteralExpression(right))
    return right.properties.flatMap(({ name }) => name?.getText() ?? [])
  return /^(?:module\.)?exports\.(\w+)$/.exec(left.getText())?.slice(1) ?? []
}

test('every name that a script takes from a file of the project is exported there', () => {
  const taken = scripts.flatMap((script) => takenBy(script).map((one) => ({ script, ...one })))
  expect(taken.filter(({ from }) => from.startsWith(join(root, 'dist'))).length).toBeGreaterThan(100)
  const missing = taken.flatMap(({ script, from, names }) => {
    const file = sourceOf(from)
    const absent = existsSync(file) ? names.filter((name) => !exportsOf(file).has(name)) : ['the file']
    return absent.map((name) => `${relative(root, script)}: ${name} of ${relative(root, file)}`)
  })
  expect(missing).toEqual([])
})
