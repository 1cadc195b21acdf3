// The flags of this project's scripts: studies, benches, chaos, fuzz, rehearsal and set-up. A wrong one is refused in a
// line that names it and what there is; a reader of the output that goes away, as `head` does, does not disturb a script.
import { parseArgs } from 'node:util'

const WRONG_USE = 2

/**
 * @param script what runs it, e.g. "npm run chaos --"
 * @param options as of parseArgs, and by flag: `number` (a number of at least 0), `numbers` (several, with commas),
 *   `required`
 * @param most number of arguments besides flags
 * @param help what --help prints; default: the flags
 * @returns what parseArgs returns, with numbers as numbers
 */
export function readFlags(script, options, { most = 0, help } = {}) {
  outliveReader()
  const known = { ...options, help: { type: 'boolean' } }
  const { values, positionals, tokens } = parseArgs({
    options: Object.fromEntries(Object.entries(known).map(([name, { type }]) => [name, { type }])),
    strict: false,
    tokens: true,
  })
  if (values.help === true) {
    process.stdout.write(`${help ?? `${script} ${usage(options)}`}\n`)
    process.exit(0)
  }
  const fault =
    tokens.map((token) => faultOf(token, known)).find((found) => found !== undefined) ??
    (positionals.length > most ? `"${positionals[most]}" belongs to no flag` : missingIn(values, options))
  if (fault !== undefined) refuse(`${script}: ${fault}; ${flagsText(options)}`)
  return {
    values: Object.fromEntries(Object.keys(options).map((name) => [name, valueOf(values[name], options[name])])),
    positionals,
  }
}

/** Ends the script with a line on standard error. */
export function refuse(message) {
  process.stderr.write(`${message}\n`)
  process.exit(WRONG_USE)
}

function faultOf({ kind, name, rawName, value }, options) {
  if (kind !== 'option') return undefined
  if (!Object.hasOwn(options, name)) return `there is no flag ${rawName}${suggestion(name, options)}`
  const { type, number, numbers } = options[name]
  if (type === 'boolean') return value === undefined ? undefined : `${rawName} takes no value`
  if (value === undefined || value === '') return `${rawName} needs a value`
  if (number && !isNumber(value)) return `${rawName} got "${value}"; it must be a number of at least 0`
  return numbers && !value.split(',').every(isNumber)
    ? `${rawName} got "${value}"; it must be numbers with commas between them, e.g. 1,2,3`
    : undefined
}

const isNumber = (text) => text.trim() !== '' && Number.isFinite(Number(text)) && Number(text) >= 0

const missingIn = (values, options) => {
  const missing = Object.keys(options).find((name) => options[name].required && values[name] === undefined)
  return missing && `--${missing} is required`
}

function valueOf(given, { default: byDefault, number, numbers }) {
  const value = given ?? byDefault
  if (value === undefined) return undefined
  return number ? Number(value) : numbers ? String(value).split(',').map(Number) : value
}

const usage = (options) =>
  Object.entries(options)
    .map(([name, { type, required, default: byDefault }]) => {
      const flag = type === 'boolean' ? `--${name}` : `--${name} ${byDefault ?? name.toUpperCase()}`
      return required ? flag : `[${flag}]`
    })
    .join(' ')

const flagsText = (options) => `the flags are ${usage(options)}`

const MOST_EDITS = 2

function suggestion(name, options) {
  const nearest = Object.keys(options)
    .map((known) => ({ known, edits: editsBetween(name, known) }))
    .sort((a, b) => a.edits - b.edits)[0]
  return nearest.edits <= MOST_EDITS ? ` (did you mean --${nearest.known}?)` : ''
}

/** Levenshtein's distance. */
function editsBetween(a, b) {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i)
  for (const [i, letter] of [...a].entries()) {
    const next = [i + 1]
    for (const [j, other] of [...b].entries())
      next.push(Math.min(next[j] + 1, row[j + 1] + 1, row[j] + (letter === other ? 0 : 1)))
    row = next
  }
  return row.at(-1)
}

/** A script goes on without a reader, so that it ends what it has started. */
function outliveReader() {
  for (const stream of [process.stdout, process.stderr])
    stream.on('error', (error) => {
      if (error.code !== 'EPIPE') throw error
    })
}
