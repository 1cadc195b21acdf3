// The networks of containers without containers: a network namespace for each, with an address in each of the networks
// that the compose file puts it in. Nothing of it is seen outside, and it ends with this process.
import { execFile, spawn, type ChildProcess } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { temporaryFolder } from '../tiny-folder'

export interface Network {
  /** Ends with the network. */
  start(host: string, command: readonly string[], environment?: Readonly<Record<string, string>>): ChildProcess
  run(host: string, command: readonly string[], environment?: Readonly<Record<string, string>>): Promise<Outcome>
  /** Address of a host in a network. */
  addressOf(host: string, network: string): string
  close(): Promise<void>
}

export interface Outcome {
  status: number
  out: string
  err: string
}

/** Each network is a bridge without an address: it leads nowhere else. */
function scriptOf(hosts: Readonly<Record<string, readonly string[]>>, networks: readonly string[], names: string) {
  const places = Object.entries(hosts).flatMap(([host, joined]) => joined.map((network) => ({ host, network })))
  const hostNames = Object.keys(hosts)
  return [
    'set -e',
    'mount -t tmpfs tmpfs /run',
    `mount --bind ${names} /etc/hosts`,
    ...networks.map((_, n) => `ip link add net${n} type bridge && ip link set net${n} up`),
    ...hostNames.map((host) => `ip netns add ${host} && ip -n ${host} link set lo up`),
    ...places.map(({ host, network }) => {
      const [h, n] = [hostNames.indexOf(host), networks.indexOf(network)]
      return [
        `ip link add v${h}x${n} type veth peer name in${n} netns ${host}`,
        `ip link set v${h}x${n} master net${n} up`,
        `ip -n ${host} addr add 10.77.${n}.${h + 1}/24 dev in${n}`,
        `ip -n ${host} link set in${n} up`,
      ].join(' && ')
    }),
    'echo ready',
    'cat', // until this process ends
  ].join('\n')
}

/** @param hosts the networks of each host; a name leads to the host's address in its first network */
export async function startNetwork(hosts: Readonly<Record<string, readonly string[]>>): Promise<Network> {
  const networks = [...new Set(Object.values(hosts).flat())]
  const hostNames = Object.keys(hosts)
  const addressOf = (host: string, network: string) =>
    `10.77.${networks.indexOf(network)}.${hostNames.indexOf(host) + 1}`
  const names = join(temporaryFolder(), 'hosts')
  const lines = Object.entries(hosts).flatMap(([host, joined]) => joined.map((n) => `${addressOf(host, n)} ${host}`))
  writeFileSync(names, ['127.0.0.1 localhost', ...lines, ''].join('\n'))
  const asRoot = process.getuid!() === 0 ? [] : ['--user', '--map-root-user']
  const keeper = spawn('unshare', [...asRoot, '--net', '--mount', 'sh', '-c', scriptOf(hosts, networks, names)], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  await new Promise<void>((resolve, reject) => {
    keeper.stdout.once('data', () => resolve())
    keeper.once('close', (status) => reject(new Error(`network: the namespaces were not made (${status})`)))
  })
  const entering = asRoot.length > 0 ? ['--user', '--preserve-credentials'] : []
  const within = (host: string, command: readonly string[]) => [
    ...['--target', `${keeper.pid}`, ...entering, '--net', '--mount'],
    ...['ip', 'netns', 'exec', host, ...command],
  ]
  const started: ChildProcess[] = []
  return {
    addressOf,
    start(host, command, environment = {}) {
      const options = { stdio: 'ignore' as const, env: { PATH: process.env.PATH, ...environment } }
      const child = spawn('nsenter', within(host, command), options)
      started.push(child)
      return child
    },
    run: (host, command, environment = {}) =>
      new Promise((resolve) => {
        const options = { env: { PATH: process.env.PATH, ...environment } }
        execFile('nsenter', within(host, command), options, (error, out, err) =>
          resolve({ status: error === null ? 0 : Number(error.code ?? 1), out: out.trim(), err: err.trim() }),
        )
      }),
    async close() {
      const running = [...started, keeper].filter(
        ({ exitCode, signalCode }) => exitCode === null && signalCode === null,
      )
      const ends = running.map((child) => new Promise((done) => child.once('close', done)))
      for (const child of started) child.kill('SIGKILL')
      keeper.stdin.end()
      await Promise.all(ends)
    },
  }
}
