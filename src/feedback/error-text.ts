// What an endpoint says about an error, as a message may quote it: without secrets, and short.
import { isDeeper } from '../contracts/readable'
import { redact } from '../secrets'
import { parseReply } from './reply-json'

/** Characters of an endpoint's text in a message. */
const MAX_QUOTED = 300
const MAX_LOCATION = 200
/** Looked through for what an endpoint says; the rest is never quoted. */
const MAX_READ = 64 * 1024
/** Nesting of errors within errors: of gateways that wrap those of others. */
const MOST_LEVELS = 8

/** What an endpoint says about an error. */
export interface ErrorWords {
  /** For people, redacted. */
  text: string
  /** For programs: codes and types, and the field that it is about; empty if there are none. */
  codes: string
}

/** The message of an endpoint's JSON, and of other bodies the beginning; fields that are not meant for people are not
 * quoted. Redacted before it is cut: of half a key, nobody could tell that it is one. */
export const errorText = (body: string): string => errorWords(body).text

export function errorWords(body: string): ErrorWords {
  const json = parseReply(body.slice(0, MAX_READ))
  if (typeof json !== 'object' || json === null) return { text: quoted(body.slice(0, MAX_READ), MAX_QUOTED), codes: '' }
  return wordsIn(json)
}

/** The words of an error that has been read as JSON. */
export function wordsIn(json: object): ErrorWords {
  const nodes = isDeeper(json, 100) ? [] : nodesOf(json)
  const said = messageIn(nodes)
  const codes = nodes.flatMap(({ code, type, status, param, reason }) =>
    [code, type, status, param, reason].filter((word) => typeof word === 'string' || typeof word === 'number'),
  )
  const shown = codes.join(' ').slice(0, 500)
  if (said === undefined) return { text: withoutMessage(json, shown), codes: shown }
  const param = nodes.map((node) => node.param).find((name) => typeof name === 'string')
  const about = param !== undefined && !said.includes(param) ? ` (about "${param.slice(0, 60)}")` : ''
  return { text: quoted(said.slice(0, MAX_READ) + about, MAX_QUOTED), codes: shown }
}

/** Its fields by name, without their values: those are not meant for people. */
function withoutMessage(json: object, codes: string): string {
  const names = Object.keys(json)
    .slice(0, 10)
    .map((name) => name.slice(0, 40))
  return quoted(`(JSON without a message, with ${JSON.stringify(names)}${codes && `: ${codes}`})`, MAX_QUOTED)
}

type Node = Readonly<Record<string, unknown>>

/** Fields that hold an error within an error. */
const INNER = ['error', 'errors', 'detail', 'details', 'message', 'body', 'base_resp'] as const

/** The object, the errors in it, and those in them; the outermost first. */
function nodesOf(json: object): Node[] {
  const found: Node[] = []
  let level: unknown[] = [json]
  for (let depth = 0; depth < MOST_LEVELS && level.length > 0; depth++) {
    const nodes = level.flat().slice(0, 20).filter(isNode)
    for (const node of nodes) found.push(node)
    level = nodes.flatMap((node) => INNER.map((name) => node[name]))
  }
  return found
}
const isNode = (value: unknown): value is Node => typeof value === 'object' && value !== null

/** Where endpoints put what people should read: OpenAI and most others, vLLM, FastAPI, AWS, MiniMax, problem details. */
const MESSAGES = [
  'message',
  'msg',
  'detail',
  'error',
  'error_message',
  'errorMessage',
  'error_msg',
  'status_msg',
  'title',
] as const

function messageIn(nodes: readonly Node[]): string | undefined {
  for (const name of MESSAGES)
    for (const node of nodes) {
      const { [name]: text, loc } = node
      if (typeof text !== 'string' || text.trim() === '') continue
      const field = Array.isArray(loc) ? loc.filter((part) => part !== 'body').join('.') : ''
      return field === '' ? text : `${field.slice(0, 60)}: ${text}`
    }
  return undefined
}

/** Where a redirect leads: without what its query may hold, and who its user is. */
export function shownLocation(location = 'nowhere'): string {
  const url = URL.canParse(location) ? new URL(location) : undefined
  return quoted(url ? `${url.protocol}//${url.host}${url.pathname}` : location.split(/[?#]/)[0]!, MAX_LOCATION)
}

const quoted = (text: string, most: number) => redact(text).slice(0, most)

/** A reply that is none, as a message may quote it: it has been redacted. */
export const quotedReply = (reply: unknown): string =>
  (isDeeper(reply, 100) ? '(nested too deep to be shown)' : (JSON.stringify(reply) ?? '')).slice(0, MAX_QUOTED)
