// Which endpoints a worker may ask, and which of its secrets may go there. Whoever may start a run names both: without
// a rule, they could read the metadata service of the machine's cloud, or have any variable of the worker sent to their
// own server.
//
//   RLAIF_ENDPOINTS="https://api.openai.com=OPENAI_API_KEY,http://10.0.0.5:8000"
//
// Each entry is the beginning of an address and the variables that may be sent there (joined by +). If it is not set,
// every address except those of cloud metadata may be asked without a key; a key goes to the well-known labeler that it
// is usually for, or, if it is named like a labeler's, to this machine. In strict mode, nothing is asked that is not
// listed.
import { addressFault, type QueryRule } from '../contracts/fields'
import { InvalidInput } from '../contracts/parse'
import { isStrict } from '../strict'
import { isThisMachine, type Reach } from './address-rules'
import { isLabelersKey, isUsualKey } from './well-known-labelers'

const ENDPOINTS = 'RLAIF_ENDPOINTS'

interface Allowance {
  origin: string
  path: string
  secrets: Set<string>
}

/** @throws InvalidInput naming the entry that cannot be parsed */
export function parseAllowances(given: string): Allowance[] {
  return given.split(',').map((entry) => {
    const at = entry.lastIndexOf('=')
    const [address, names] = at < 0 ? [entry, ''] : [entry.slice(0, at), entry.slice(at + 1)]
    const url = URL.canParse(address.trim()) ? new URL(address.trim()) : undefined
    if (!url || !/^https?:$/.test(url.protocol))
      throw new InvalidInput(
        `${ENDPOINTS}: "${entry.trim()}" is not an address; expected e.g. https://api.openai.com=OPENAI_API_KEY`,
      )
    const secrets = names.split('+').map((name) => name.trim())
    return {
      origin: url.origin,
      path: url.pathname.replace(/(?<!\/)\/+$/, ''),
      secrets: new Set(secrets.filter(Boolean)),
    }
  })
}

const covers = ({ origin, path }: Allowance, url: URL) =>
  origin === url.origin && (path === '' || url.pathname === path || url.pathname.startsWith(`${path}/`))

/**
 * @param secret name of the variable whose value would be sent
 * @param query whether the address may have one
 * @returns what a request to that address may connect to
 * @throws InvalidInput if this worker may not ask that address, or may not send that variable there
 */
export function checkAllowance(address: string, secret?: string, query?: QueryRule): Reach {
  const reach = reachOf(new URL(address), secret)
  const fault = addressFault(address, query)
  if (fault !== undefined) throw new InvalidInput(`the address of an endpoint ${fault}`)
  return reach
}

function reachOf(url: URL, secret: string | undefined): Reach {
  const given = process.env[ENDPOINTS]?.trim() ?? ''
  if (given !== '') return reachOfListed(url, secret, parseAllowances(given))
  if (isStrict())
    throw new InvalidInput(
      `${url.origin} may not be asked: with RLAIF_STRICT=1 every endpoint must be listed; ${remedy(url, secret)}`,
    )
  if (secret === undefined || isUsualKey(url, secret)) return 'public'
  if (isThisMachine(url) && isLabelersKey(secret)) return 'this machine'
  throw new InvalidInput(
    `the variable ${secret} must not be sent to ${url.origin}: without ${ENDPOINTS}, a key goes only to the well-known ` +
      'labeler that it is usually for (OPENAI_API_KEY to https://api.openai.com …), and one with a name like ' +
      `LABELER_KEY to this machine. If it is meant for that address, ${remedy(url, secret)}`,
  )
}

const remedy = ({ origin }: URL, secret: string | undefined) =>
  `set ${ENDPOINTS}="${origin}${secret === undefined ? '' : `=${secret}`}" where the worker runs, ` +
  'followed by its other endpoints, if any, separated by commas'

function reachOfListed(url: URL, secret: string | undefined, all: readonly Allowance[]): Reach {
  const allowances = all.filter((allowance) => covers(allowance, url))
  if (allowances.length === 0)
    throw new InvalidInput(
      `${url.origin} is not among the endpoints that this worker may ask; add it to the worker's ${ENDPOINTS}`,
    )
  if (secret !== undefined && !allowances.some(({ secrets }) => secrets.has(secret)))
    throw new InvalidInput(
      `${secret} may not be sent to ${url.origin}: the worker's ${ENDPOINTS} does not name it for that address; ` +
        `add ",${url.origin}=${secret}"`,
    )
  return 'named'
}
