// YAML files of the deployment as values.
interface Parser {
  loadAll(text: string): unknown[]
}
// eslint-disable-next-line @typescript-eslint/no-require-imports
const { loadAll } = require('js-yaml') as Parser

/** The documents of a file. @throws where it is not YAML */
export const parseYaml = <T>(text: string): T[] => loadAll(text) as T[]
