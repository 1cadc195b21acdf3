// Where a request may connect to. The rule is applied to the very address that the connection then uses: a name that is
// looked up twice may lead elsewhere the second time (DNS rebinding).
import { lookup, type LookupAddress } from 'node:dns'
import { BlockList, isIP, type LookupFunction } from 'node:net'
import { EndpointRefused } from './endpoint-errors'

/** What a request may connect to: what the operator named, everything but cloud metadata, or this machine alone. */
export type Reach = 'named' | 'public' | 'this machine'

/**
 * Where clouds keep a machine's credentials: link-local addresses (AWS, Google, Azure, Oracle, IBM, DigitalOcean,
 * Hetzner, OpenStack, Tencent, Scaleway, containers of AWS), and those of Alibaba, Oracle's older cloud and Azure's
 * host; by IPv6 those of AWS, Google, Linode and Scaleway.
 */
const METADATA = {
  ipv4: ['169.254.0.0/16', '100.100.100.200/32', '192.0.0.192/32', '168.63.129.16/32'],
  ipv6: ['fe80::/10', 'fd00:ec2::/32', 'fd20:ce::/32', 'fd00:a9fe:a9fe::/48', 'fd00:42::42/128'],
}
const LOOPBACK = { ipv4: ['127.0.0.0/8'], ipv6: ['::1/128'] }

/** Prefixes behind which an IPv6 address holds an IPv4 one: mapped, compatible, NAT64 (also local), 6to4. */
const HOLDS_IPV4 = { '::ffff:': 96, '::': 96, '64:ff9b::': 96, '64:ff9b:1::': 96, '2002:': 16 }

function inHexadecimal(ipv4: string): string {
  const [a, b, c, d] = ipv4.split('.').map(Number) as [number, number, number, number]
  return `${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`
}

function listOf({ ipv4, ipv6 }: typeof METADATA): BlockList {
  const list = new BlockList()
  for (const [net, bits] of ipv6.map((range) => range.split('/') as [string, string]))
    list.addSubnet(net, Number(bits), 'ipv6')
  for (const [net, bits] of ipv4.map((range) => range.split('/') as [string, string])) {
    list.addSubnet(net, Number(bits))
    for (const [prefix, length] of Object.entries(HOLDS_IPV4)) {
      const inside = `${prefix}${inHexadecimal(net)}${prefix.includes('::') ? '' : '::'}`
      list.addSubnet(inside, length + Number(bits), 'ipv6')
    }
  }
  return list
}

const metadata = listOf(METADATA)
const loopback = listOf(LOOPBACK)
const isIn = (list: BlockList, address: string) => list.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4')

/** Name or number of an address's host, without the brackets of IPv6. */
export const hostOf = (url: URL): string => url.hostname.replace(/^\[|\]$/g, '')

/** Whether an address names this machine, by number or as `localhost`. */
export function isThisMachine(url: URL): boolean {
  const host = hostOf(url)
  return host === 'localhost' || (isIP(host) > 0 && isIn(loopback, host))
}

/** @throws EndpointRefused unless a connection to that address is within reach */
function check(host: string, address: string, reach: Reach): void {
  const is = host === address ? host : `${host} resolves to ${address}, which`
  if (reach === 'public' && isIn(metadata, address))
    throw new EndpointRefused(`${is} is an address of cloud metadata, which must not be asked`)
  if (reach === 'this machine' && !isIn(loopback, address))
    throw new EndpointRefused(`${is} is not on this machine; the key may be sent nowhere else`)
}

/** @throws EndpointRefused when the address is a number out of reach; a name is checked when it is looked up */
export function checkNumber(url: URL, reach: Reach): void {
  const host = hostOf(url)
  if (isIP(host)) check(host, host, reach)
}

/** The look-up of a connection: it connects to one of the addresses that were checked, or not at all. */
export function checkedLookup(reach: Reach): LookupFunction {
  return (host, options, done) => {
    lookup(host, { ...options, all: true }, (error, found: LookupAddress[]) => {
      try {
        if (error) throw error
        for (const { address } of found) check(host, address, reach)
        if (options.all) done(null, found)
        else done(null, found[0]!.address, found[0]!.family)
      } catch (refusal) {
        done(refusal as Error, '', 0)
      }
    })
  }
}
