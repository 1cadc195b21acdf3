// Values that no answer may show: secrets in the environment, in files of the home and beside it, and where things are
// on this machine. A process that is fuzzed plants them at its start.
import { randomBytes } from 'node:crypto'
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const ROOT = fileURLToPath(new URL('..', import.meta.url)).replace(/\/$/, '')
/** Characters in a row by which a canary is recognized. */
const PART = 12
const VARIABLES = [
  'OPENAI_API_KEY',
  'AWS_SECRET_ACCESS_KEY',
  'GITHUB_TOKEN',
  'PGPASSWORD',
  'RLAIF_NOTIFY_KEY',
  'SOME_VALUE',
]
/** What an engine says of its own errors, and never one of our messages: whoever reads it learns nothing. */
const ENGINE =
  /Cannot (read|set|convert|destructure)|is not (a function|iterable|defined|a constructor)|Maximum call stack|(^|")Invalid URL("|$)|Invalid (array|string) length|\n\s+at .*[:(]\d|ERR_[A-Z_]{4,}|node:internal|toString\(\) radix/

const canary = () => randomBytes(18).toString('base64url').replaceAll('-', 'A').replaceAll('_', 'B')

/**
 * Plants canaries in this process's environment and in a new folder.
 * @param more names of further variables
 * @returns `home`, a folder for RLAIF_HOME; `target`, a file that inputs may name and whose content is secret;
 *   `secrets` by name, and `places` that nothing may name; `faultOf`, which says what a text shows that it must not
 */
export function plantCanaries(more = []) {
  const folder = mkdtempSync(join(tmpdir(), 'rlaif-fuzz-'))
  const home = join(folder, `home-${canary()}`, '.rlaif')
  const outside = mkdtempSync(join(tmpdir(), 'fuzz-outside-'))
  const target = join(outside, 'target.jsonl')
  const secrets = {}
  for (const name of [...VARIABLES, ...more]) process.env[name] = secrets[name] = canary()
  mkdirSync(home, { recursive: true })
  chmodSync(home, 0o700)
  for (const [name, file] of Object.entries({
    target,
    'server.json': join(home, 'server.json'),
    'worker.log': join(home, 'worker.log'),
  }))
    writeFileSync(file, JSON.stringify({ prompt: (secrets[name] = canary()), accessToken: secrets[name] }))
  process.env.HOME = join(home, '..')
  process.env.RLAIF_HOME = home
  process.chdir(process.env.HOME)
  process.on('exit', () => {
    for (const used of [folder, outside]) rmSync(used, { recursive: true, force: true })
  })
  const places = [join(home, '..'), ROOT]
  return { home, target, secrets, places, faultOf: faultFinder(secrets, places) }
}

/** @returns a function from a text to what is wrong with it, or undefined; a stack may name functions and files of ours */
export function faultFinder(secrets, places) {
  const forms = Object.entries(secrets).flatMap(([name, secret]) =>
    [secret, Buffer.from(secret).toString('base64').slice(0, -4), Buffer.from(secret).toString('hex')].map((form) => ({
      name,
      parts: Array.from({ length: Math.max(1, form.length - PART + 1) }, (_, i) => form.slice(i, i + PART)),
    })),
  )
  return (text, isStack = false) => {
    const secret = forms.find(({ parts }) => parts.some((part) => text.includes(part)))
    if (secret) return `shows the canary of ${secret.name}: ${around(text, secret.parts)}`
    const place = places.find((path) => text.includes(path))
    if (place) return `names ${place}: ${around(text, [place])}`
    const [engine] = ENGINE.exec(text) ?? []
    return engine === undefined || isStack ? undefined : `is an error of the engine: ${around(text, [engine])}`
  }
}

function around(text, parts) {
  const at = Math.max(0, ...parts.map((part) => text.indexOf(part)))
  return JSON.stringify(text.slice(Math.max(0, at - 150), at + 150))
}
