// The store of docker-compose.yml: SeaweedFS with exactly the file's flags, its door and a worker, each in a network
// namespace of its own, joined as the file's networks join the containers.
import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { PROJECT, readCompose, requiredVariables, type Service } from '../deploy/compose'
import { startNetwork, type Network, type Outcome } from '../deploy/network'
import { temporaryFolder } from '../tiny-folder'

jest.setTimeout(120_000)

const KEYS = { S3_ACCESS_KEY: 'a-key', S3_SECRET_KEY: 'a-secret-of-the-store' }
const { services } = readCompose({ ...Object.fromEntries(requiredVariables().map((name) => [name, 'x'])), ...KEYS })
const networksOf = ({ networks = ['default'] }: Service) => networks
const HOSTS = ['s3', 's3-door', 'worker-label', 'labeler', 'ui'].filter((name) => services[name])
const S3_PORT = 8333

let network: Network

/** Runs a Node program on a host; what it prints is JSON. */
async function ask<T>(host: string, program: string): Promise<T> {
  const { out, err } = await network.run(host, [process.execPath, '-e', `(async () => { ${program} })()`])
  if (out === '') throw new Error(err)
  return JSON.parse(out) as T
}

const runOurs = (name: string, environment: Record<string, string> = {}): Promise<Outcome> => {
  const { entrypoint = [], environment: given = {} } = services[name]!
  const command = entrypoint.map((part) => (part.startsWith('deploy/') ? join(PROJECT, part) : part))
  return network.run('worker-label', [process.execPath, ...command.slice(1)], { ...given, ...environment })
}

beforeAll(async () => {
  network = await startNetwork(Object.fromEntries(HOSTS.map((name) => [name, networksOf(services[name]!)])))
  const weed = execFileSync(process.execPath, [join(PROJECT, 'setup', 's3-server.mjs')], { encoding: 'utf8' })
  const folder = temporaryFolder()
  const flags = services.s3!.command!.map((flag) => (flag.startsWith('-dir=') ? `-dir=${folder}` : flag))
  network.start('s3', [weed, ...flags], { ...services.s3!.environment, HOME: folder })
  const { entrypoint } = services['s3-door']!
  network.start('s3-door', [process.execPath, join(PROJECT, entrypoint![1]!), ...entrypoint!.slice(2)])
  const made = await runOurs('bucket') // waits for the server
  if (made.status !== 0) throw new Error(made.err)
})
afterAll(() => network.close())

/** The ports at which a host listens, at any of its addresses. */
async function listeningPorts(host: string): Promise<number[]> {
  const { out } = await network.run(host, ['cat', '/proc/net/tcp', '/proc/net/tcp6'])
  const ports = [...out.matchAll(/: [0-9A-F]+:([0-9A-F]{4}) [0-9A-F]+:0000 0A /g)].map(([, hex]) => parseInt(hex!, 16))
  return [...new Set(ports)].sort((a, b) => a - b)
}

const reachable = (from: string, addresses: readonly string[]): Promise<string[]> =>
  ask(
    from,
    `const { connect } = require('node:net')
     const opens = (address) => new Promise((done) => {
       const socket = connect({ host: address.split(':')[0], port: Number(address.split(':')[1]), timeout: 1000 })
       socket.on('connect', () => done(true)).on('error', () => done(false)).on('timeout', () => done(false))
     })
     const all = ${JSON.stringify(addresses)}
     const open = await Promise.all(all.map(opens))
     console.log(JSON.stringify(all.filter((_, i) => open[i])))
     process.exit(0)`,
  )

/** Every address of the store with each of the ports of its server. */
async function doorsOfTheStore(): Promise<string[]> {
  const ports = await listeningPorts('s3')
  expect(ports).toEqual(expect.arrayContaining([S3_PORT, 8080, 8888, 9333, 18080, 18333, 18888, 19333]))
  const addresses = ['s3', 's3-door'].flatMap((host) =>
    networksOf(services[host]!).map((joined) => network.addressOf(host, joined)),
  )
  return addresses.flatMap((address) => ports.map((port) => `${address}:${port}`))
}

test('another container reaches the S3 port of the store and none of its other ports', async () => {
  const [shared] = networksOf(services['worker-label']!).filter((name) => services['s3-door']!.networks!.includes(name))
  expect(await reachable('worker-label', await doorsOfTheStore())).toEqual([
    `${network.addressOf('s3-door', shared!)}:${S3_PORT}`,
  ])
})

test('a container that needs no store, such as the labeler or the UI, reaches none of its ports', async () => {
  for (const host of ['labeler', 'ui']) expect(await reachable(host, await doorsOfTheStore())).toEqual([])
})

test('not even the door reaches master, volume and filer: they listen on the loopback interface alone', async () => {
  const inside = network.addressOf('s3', networksOf(services.s3!)[0]!)
  const ports = await listeningPorts('s3')
  const open = await reachable(
    's3-door',
    ports.map((port) => `${inside}:${port}`),
  )
  expect(open).toEqual([`${inside}:${S3_PORT}`, `${inside}:18333`]) // 18333: why there is a door
})

/** What a run can have a worker ask: the address of a labeler, with a query. */
const ERASING = [
  'http://s3:9333/col/delete?collection=rlaif',
  'http://s3-door:9333/col/delete?collection=rlaif',
  'http://s3:8888/buckets/rlaif?recursive=true',
]

test('an address with a query cannot erase the bucket through the master or the filer', async () => {
  const errors = await ask<string[]>(
    'worker-label',
    `const ask = (url) => fetch(url, { method: 'POST', signal: AbortSignal.timeout(3000) })
       .then((response) => 'answered ' + response.status, () => 'nobody answers')
     console.log(JSON.stringify(await Promise.all(${JSON.stringify(ERASING)}.map(ask))))`,
  )
  expect(errors).toEqual(ERASING.map(() => 'nobody answers'))
})

/** IAM cache of the S3 server, by gRPC: PutIdentity({name, credentials: [{key, secret}], actions: ["Admin"]}). */
const ADDING_AN_ADMINISTRATOR = `
  const { Client, credentials } = require(${JSON.stringify(join(PROJECT, 'node_modules', '@grpc', 'grpc-js'))})
  const field = (n, value) => Buffer.concat([Buffer.from([(n << 3) | 2, Buffer.byteLength(value)]), Buffer.from(value)])
  const credential = Buffer.concat([field(1, 'intruder'), field(2, 'secret-of-the-intruder')])
  const identity = Buffer.concat([field(1, 'intruder'), field(2, credential), field(3, 'Admin')])
  const same = (bytes) => bytes
  const put = (address) => new Promise((done) => new Client(address, credentials.createInsecure()).makeUnaryRequest(
    '/messaging_pb.SeaweedS3IamCache/PutIdentity', same, same, field(1, identity), { deadline: Date.now() + 3000 },
    (error) => done(error ? 'refused' : 'added')))`

test('nobody adds an administrator of the store by the gRPC port beside S3, which asks for no key', async () => {
  const addresses = ['s3:18333', 's3-door:18333', `s3-door:${S3_PORT}`]
  const program = `${ADDING_AN_ADMINISTRATOR}
    console.log(JSON.stringify(await Promise.all(${JSON.stringify(addresses)}.map(put))))
    process.exit(0)`
  expect(await ask('worker-label', program)).toEqual(addresses.map(() => 'refused'))
})

test('without a key nothing is read, written, listed or removed, and no user made', async () => {
  const at = services['worker-label']!.environment!.AWS_ENDPOINT_URL_S3!
  const requests = [
    ['GET', `${at}/`],
    ['GET', `${at}/rlaif?list-type=2`],
    ['GET', `${at}/rlaif/store/a/manifest.json`],
    ['PUT', `${at}/rlaif/store/a/manifest.json`],
    ['PUT', `${at}/another-bucket`],
    ['DELETE', `${at}/rlaif`],
    ['POST', `${at}/?Action=CreateUser&UserName=intruder&Version=2010-05-08`],
  ]
  const statuses = await ask<number[]>(
    'worker-label',
    `const ask = ([method, url]) => fetch(url, { method }).then((response) => response.status)
     console.log(JSON.stringify(await Promise.all(${JSON.stringify(requests)}.map(ask))))`,
  )
  expect(statuses).toEqual([403, 403, 403, 403, 403, 403, 405]) // 405: no calls that manage users are served
})

test('the bucket is made by a signed call: again without harm, and not with another key', async () => {
  expect(await runOurs('bucket')).toMatchObject({ status: 0 })
  const refused = await runOurs('bucket', { AWS_SECRET_ACCESS_KEY: 'of-somebody-else' })
  expect(refused).toMatchObject({ status: 1 })
  expect(refused.err).toMatch(/bucket: cannot make rlaif at http:\/\/s3-door:8333: SignatureDoesNotMatch/)
  expect(refused.err).not.toContain(KEYS.S3_SECRET_KEY)
})

test('the door passes a large object unchanged', async () => {
  const sdk = JSON.stringify(join(PROJECT, 'node_modules', '@aws-sdk', 'client-s3'))
  const program = `
    const { GetObjectCommand, PutObjectCommand, S3Client } = require(${sdk})
    const Body = require('node:crypto').randomBytes(20_000_000)
    const [client, at] = [new S3Client({ forcePathStyle: true }), { Bucket: 'rlaif', Key: 'store/large' }]
    await client.send(new PutObjectCommand({ ...at, Body }))
    const back = await (await client.send(new GetObjectCommand(at))).Body.transformToByteArray()
    console.log(Body.equals(back))`
  const run = ['-e', `(async () => { ${program} })()`]
  const { out } = await network.run('worker-label', [process.execPath, ...run], services['worker-label']!.environment)
  expect(out).toBe('true')
})
