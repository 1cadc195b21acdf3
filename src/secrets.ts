// The secrets of this process's environment, and text without them. Whatever leaves the process for people to read
// (failures, logs, traces, notifications, replies of endpoints) passes through here before it is cut.
//
// A secret is found as it is and trimmed, in parts of eight characters or more, in any case, in base64 (alone or within
// a longer text such as user:key) and in hexadecimal, each also behind the escapes of JSON, HTML and URLs, up to three
// deep, and as the ends of a masked echo ("sk-ab***wxyz"). What looks like a well-known kind of credential is taken out
// as well, wherever it comes from.
import { extname } from 'node:path'
import { largest } from './extremes'

type Environment = Readonly<Record<string, string | undefined>>

const HIDDEN = '***'
/** Characters in a row by which a part of a secret is recognized. */
const PART = 8
/** Shorter values are words like "none", which local servers take as key. */
const SHORTEST = 6
/** How often escapes are undone: a JSON text within a JSON text within an URL. */
const DEEPEST_ESCAPES = 3
/** Characters of a secret beside a mask by which a masked echo is recognized, and the most that are compared. */
const MASKED_END = { least: 3, most: 16 }

const NAMES =
  /key|token|secret|passw|passphrase|credential|webhook|cookie|_(pat|pwd|auth|headers|dsn)$|connection_string/i
const NAMES_OF_PLACES = /(path|file|dir|folder|sock|home)$/i
const MEANT_FOR_NOTIFY = /^RLAIF_NOTIFY_/

const WORD = /[\w.-]+/g
/** Beginnings that makers of services give their credentials, so that scanners find them. */
const CREDENTIAL = /^(?:[spr]k[-_]|gh[opsur]_|github_pat_|glpat-|xox[a-z]-|AKIA|hf_|npm_|AIza|eyJ[\w-]{10,}\.)/
const SHORTEST_CREDENTIAL = 18
const AUTHORIZATION = /\b(?:Bearer|Basic) {1,4}[\w+/.~=-]{12,}/g

/** A path to a file, which may hold the secret. Base64 has no dots. */
const isPlace = (value: string) => /^[~.]{0,2}\//.test(value) && extname(value) !== ''

/** What is secret in the value of a variable; of an address only what is not its place. */
function secretsIn(name: string, value: string, listed: ReadonlySet<string>): string[] {
  const address = URL.canParse(value) ? new URL(value) : undefined
  const inAddress = address ? [address.password, address.password && address.username].filter(Boolean) : []
  const isNamed = (NAMES.test(name) && !NAMES_OF_PLACES.test(name)) || MEANT_FOR_NOTIFY.test(name) || listed.has(name)
  if (!isNamed || isPlace(value)) return inAddress
  if (!address?.host) return [value, value.trim()]
  const parts = `${address.pathname}/${address.search}/${address.hash}`.split(/[/?#&=]/)
  return [...inAddress, ...parts.filter((part) => !/^[a-z]{0,12}$/.test(part))]
}

/** The variables that the operator lists for endpoints, whatever they are called. */
const listedIn = ({ RLAIF_ENDPOINTS: given = '' }: Environment): Set<string> =>
  new Set(given.split(',').flatMap((entry) => (entry.split('=').at(-1) ?? '').split('+').map((name) => name.trim())))

function secretsOf(environment: Environment): string[] {
  const listed = listedIn(environment)
  const all = Object.entries(environment).flatMap(([name, value]) => (value ? secretsIn(name, value, listed) : []))
  return [...new Set(all.filter(({ length }) => length >= SHORTEST))]
}

/**
 * A secret as it is, and in the encodings that escapes do not cover. What base64 makes of it depends on how many bytes
 * come before it; the digits that hold bits of its neighbours are left out.
 */
function formsOf(secret: string): string[] {
  const bytes = Buffer.from(secret)
  const base64 = [0, 1, 2].map((before) => {
    const digits = Buffer.concat([Buffer.alloc(before), bytes])
      .toString('base64')
      .replaceAll('=', '')
    return digits.slice(before === 0 ? 0 : before + 1, -1)
  })
  return [
    secret,
    ...base64,
    ...base64.map((digits) => digits.replaceAll('+', '-').replaceAll('/', '_')),
    bytes.toString('hex'),
  ]
}

/** A text and where each of its characters begins in the original one; the last entry is the original's length. */
interface View {
  text: string
  from: number[]
}

const ESCAPES = /\\u([\da-f]{4})|\\x([\da-f]{2})|%([\da-f]{2})|&#x([\da-f]{1,6});|&#(\d{1,7});|\\([nrt"'\\/])/gi
const CONTROLS: Record<string, string> = { n: '\n', r: '\r', t: '\t' }

function characterOf([, ...groups]: RegExpMatchArray): string {
  const [u, x, percent, hex, decimal, plain] = groups
  if (plain !== undefined) return CONTROLS[plain.toLowerCase()] ?? plain
  const code = decimal === undefined ? parseInt((u ?? x ?? percent ?? hex)!, 16) : Number(decimal)
  return code < 0x10000 ? String.fromCharCode(code) : ' '
}

/** The view with one layer of escapes undone. */
function unescaped({ text, from }: View): View {
  const parts: string[] = []
  const places: number[] = []
  let done = 0
  const copy = (end: number) => {
    parts.push(text.slice(done, end))
    for (let i = done; i < end; i++) places.push(from[i]!)
  }
  for (const match of text.matchAll(ESCAPES)) {
    copy(match.index)
    parts.push(characterOf(match))
    places.push(from[match.index]!)
    done = match.index + match[0].length
  }
  copy(text.length)
  return { text: parts.join(''), from: [...places, from[text.length]!] }
}

/** Parts of secrets by their length. */
type Parts = ReadonlyMap<number, ReadonlySet<string>>

function partsOf(secrets: readonly string[]): Parts {
  const parts = new Map<number, Set<string>>()
  for (const form of secrets.flatMap((secret) => formsOf(secret.toLowerCase()).concat(formsOf(secret)))) {
    const size = Math.min(PART, form.length)
    if (size < SHORTEST) continue
    if (!parts.has(size)) parts.set(size, new Set())
    for (let i = 0; i + size <= form.length; i++) parts.get(size)!.add(form.slice(i, i + size).toLowerCase())
  }
  return parts
}

type Mark = (begin: number, end: number) => void

function markParts({ text, from }: View, parts: Parts, mark: Mark): void {
  const lower = text.toLowerCase()
  if (lower.length !== text.length) return // letters whose lower case is longer, none of them in a key
  for (const [size, set] of parts)
    for (let i = 0; i + size <= lower.length; i++)
      if (set.has(lower.slice(i, i + size))) mark(from[i]!, from[i + size]!)
}

/** Ends of a secret beside a mask, as in "Incorrect API key provided: sk-ab***wxyz". */
function markMasked(text: string, secrets: readonly string[], mark: Mark): void {
  for (const { 0: mask, index } of text.matchAll(/[*•.]{3,}|…+|[xX_-]{4,}/g)) {
    const end = index + mask.length
    const lengths = secrets.flatMap((secret) => {
      const sizes = Array.from({ length: Math.min(MASKED_END.most, secret.length) }, (_, i) => i + 1)
      const before = sizes
        .filter((size) => text.slice(Math.max(0, index - size), index) === secret.slice(0, size))
        .at(-1)
      const after = sizes.filter((size) => text.slice(end, end + size) === secret.slice(-size)).at(-1)
      return [[before ?? 0, after ?? 0] as const]
    })
    const before = largest(
      lengths.map(([size]) => size),
      0,
    )
    const after = largest(
      lengths.map(([, size]) => size),
      0,
    )
    if (Math.max(before, after) >= MASKED_END.least) mark(index - before, end + after)
  }
}

/** The text with every marked stretch replaced, neighbours by one mark. */
function withoutMarked(text: string, marked: Uint8Array): string {
  const kept: string[] = []
  let begin = 0
  while (begin < text.length) {
    let end = begin
    while (end < text.length && marked[end] === marked[begin]) end++
    kept.push(marked[begin] ? HIDDEN : text.slice(begin, end))
    begin = end
  }
  return kept.join('')
}

/** @returns the text without secrets */
export type Redact = (text: string) => string

function redactorOf(secrets: readonly string[]): Redact {
  const parts = partsOf(secrets)
  return (text) => {
    if (text.length < SHORTEST) return text
    const marked = new Uint8Array(text.length)
    const mark: Mark = (begin, end) => void marked.fill(1, Math.max(0, begin), end)
    let view: View = { text, from: Array.from({ length: text.length + 1 }, (_, i) => i) }
    for (let depth = 0; depth <= DEEPEST_ESCAPES; depth++) {
      if (parts.size > 0) markParts(view, parts, mark)
      const inner = unescaped(view)
      if (inner.text.length === view.text.length) break
      view = inner
    }
    markMasked(text, secrets, mark)
    for (const { 0: found, index } of text.matchAll(AUTHORIZATION)) mark(index, index + found.length)
    for (const { 0: word, index } of text.matchAll(WORD))
      if (word.length >= SHORTEST_CREDENTIAL && CREDENTIAL.test(word)) mark(index, index + word.length)
    return marked.includes(1) ? withoutMarked(text, marked) : text
  }
}

let latest: { secrets: string; redact: Redact } | undefined

/** A redactor of the secrets that the environment holds now. */
export function openRedactor(environment: Environment = process.env): Redact {
  const secrets = secretsOf(environment)
  const joined = secrets.join('\0')
  if (latest?.secrets !== joined) latest = { secrets: joined, redact: redactorOf(secrets) }
  return latest.redact
}

/** The text without secrets of the environment. */
export const redact: Redact = (text) => openRedactor()(text)

/** The JSON value with every text in it redacted. */
export function redactAll<T>(value: T, by: Redact = openRedactor()): T {
  if (typeof value === 'string') return by(value) as T
  if (Array.isArray(value)) return value.map((entry: unknown) => redactAll(entry, by)) as T
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([name, entry]) => [name, redactAll(entry as unknown, by)])) as T
}
