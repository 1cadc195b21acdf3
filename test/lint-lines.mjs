// Reads {file, lines}[] as JSON from standard input. Inserts the lines at the top of each file, and prints for each
// file the lines that lint refuses by a rule whose name ends with the first argument; default: as imports.
import { readFileSync } from 'node:fs'
import { ESLint } from 'eslint'

const eslint = new ESLint()
const [, , rule = 'no-restricted-imports'] = process.argv
const refused = []
for (const { file, lines } of JSON.parse(readFileSync(0, 'utf8'))) {
  const [{ messages }] = await eslint.lintText(`${lines.join('\n')}\n${readFileSync(file, 'utf8')}`, { filePath: file })
  const found = new Set(messages.filter(({ ruleId }) => ruleId?.endsWith(rule)).map(({ line }) => line))
  refused.push(lines.filter((_, i) => found.has(i + 1)))
}
process.stdout.write(JSON.stringify(refused))
