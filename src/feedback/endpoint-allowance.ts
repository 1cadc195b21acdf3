// Which endpoints a worker may ask, and which of its secrets may go there. Whoever may start a run names both: without
// a rule, they could read the metadata service of the machine's cloud, or have any variable of the worker sent to their
// own server.
//
//   RLAIF_ENDPOINTS="https://api.openai.com=OPENAI_API_KEY,http://10.0.0.5:8000"
//
// Each entry is the beginning of an address and the variables that may be sent there (joined by +). If it is not set,
// every address except those of cloud metadata is allowed, and every variable except those that hold secrets of this
// project, of Temporal, of storage and of the Hub.
import { lookup } from 'node:dns/promises'
import { BlockList, isIP } from 'node:net'
import { InvalidInput } from '../contracts/parse'

const ENDPOINTS = 'RLAIF_ENDPOINTS'
const OWN_SECRETS =
  /^(RLAIF_(PAYLOAD_KEYS|REWARD_TOKEN)|TEMPORAL_.*|AWS_(ACCESS_KEY_ID|SECRET_ACCESS_KEY|SESSION_TOKEN)|HF_TOKEN)$/

const metadata = new BlockList()
metadata.addSubnet('169.254.0.0', 16)
metadata.addSubnet('fe80::', 10, 'ipv6')
metadata.addAddress('fd00:ec2::254', 'ipv6')

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
    return { origin: url.origin, path: url.pathname.replace(/\/+$/, ''), secrets: new Set(secrets.filter(Boolean)) }
  })
}

const covers = ({ origin, path }: Allowance, url: URL) =>
  origin === url.origin && (path === '' || url.pathname === path || url.pathname.startsWith(`${path}/`))

/**
 * @param secret name of the variable whose value would be sent
 * @throws InvalidInput if this worker may not ask that address, or may not send that variable there
 */
export function checkAllowance(address: string, secret?: string): void {
  const given = process.env[ENDPOINTS]
  if (given === undefined || given.trim() === '') {
    if (secret !== undefined && OWN_SECRETS.test(secret))
      throw new InvalidInput(
        `the variable ${secret} must not be sent to an endpoint; keep the endpoint's key in a variable of its own`,
      )
    return
  }
  const url = new URL(address)
  const allowances = parseAllowances(given).filter((allowance) => covers(allowance, url))
  if (allowances.length === 0)
    throw new InvalidInput(
      `${url.origin} is not among the endpoints that this worker may ask; add it to the worker's ${ENDPOINTS}`,
    )
  if (secret !== undefined && !allowances.some(({ secrets }) => secrets.has(secret)))
    throw new InvalidInput(
      `${secret} may not be sent to ${url.origin}: the worker's ${ENDPOINTS} does not name it for that address`,
    )
}

/**
 * @throws InvalidInput when the name leads to where clouds keep the machine's credentials; an allowance makes an
 * exception
 */
export async function checkAddress(address: string): Promise<void> {
  const given = process.env[ENDPOINTS]
  if (given !== undefined && given.trim() !== '') return // named by the operator
  const host = new URL(address).hostname.replace(/^\[|\]$/g, '')
  const found = isIP(host) ? [{ address: host, family: isIP(host) }] : await lookup(host, { all: true }).catch(() => [])
  const bad = found.find(({ address, family }) => metadata.check(address, family === 6 ? 'ipv6' : 'ipv4'))
  if (bad)
    throw new InvalidInput(`${host} resolves to ${bad.address}, an address of cloud metadata, which must not be asked`)
}
