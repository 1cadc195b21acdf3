// The version of this package, as workers, reports and the command show it.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

export const { version } = JSON.parse(readFileSync(join(__dirname, '..', 'package.json'), 'utf8')) as {
  version: string
}
