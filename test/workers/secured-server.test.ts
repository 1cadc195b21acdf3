// A Temporal server that requires certificates and an API key, as Temporal Cloud and secured clusters do: a TLS proxy
// before the real server.
import { EXIT_CODES } from '../../src/contracts/exit-codes'
import { execFileSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { createSecureServer, type Http2SecureServer } from 'node:http2'
import { connect as connectPlain, type AddressInfo } from 'node:net'
import { createServer, type Server } from 'node:tls'
import { join } from 'node:path'
import { rlaif } from '../local-stack'
import { openSite, type Site } from '../site'
import { temporaryFolder, writeTinyFolder } from '../tiny-folder'

jest.setTimeout(120_000)

const folder = temporaryFolder()
const file = (name: string) => join(folder, name)
const openssl = (...args: string[]) => execFileSync('openssl', args, { cwd: folder, stdio: 'ignore' })

/** A certificate authority, and certificates of a server and a client signed by it. */
function makeCertificates(): void {
  openssl(
    'req',
    '-x509',
    '-newkey',
    'rsa:2048',
    '-nodes',
    '-days',
    '2',
    '-subj',
    '/CN=test authority',
    '-keyout',
    'ca.key',
    '-out',
    'ca.pem',
  )
  writeFileSync(file('san.txt'), 'subjectAltName=DNS:localhost,IP:127.0.0.1')
  for (const name of ['server', 'client']) {
    openssl(
      'req',
      '-newkey',
      'rsa:2048',
      '-nodes',
      '-subj',
      `/CN=${name}`,
      '-keyout',
      `${name}.key`,
      '-out',
      `${name}.csr`,
    )
    openssl(
      'x509',
      '-req',
      '-in',
      `${name}.csr`,
      '-CA',
      'ca.pem',
      '-CAkey',
      'ca.key',
      '-CAcreateserial',
      '-days',
      '2',
      '-extfile',
      'san.txt',
      '-out',
      `${name}.pem`,
    )
  }
}
const tlsOptions = () => ({
  key: readFileSync(file('server.key')),
  cert: readFileSync(file('server.pem')),
  ca: readFileSync(file('ca.pem')),
  requestCert: true,
  rejectUnauthorized: true,
})
const listening = (server: Server | Http2SecureServer) =>
  new Promise<number>((done) => server.listen(0, '127.0.0.1', () => done((server.address() as AddressInfo).port)))

let site: Site
let proxy: Server
let port: number
beforeAll(async () => {
  makeCertificates()
  site = await openSite()
  proxy = createServer({ ...tlsOptions(), ALPNProtocols: ['h2'] }, (secured) => {
    const plain = connectPlain(Number(site.address.split(':')[1]), '127.0.0.1')
    secured.pipe(plain).pipe(secured)
    for (const socket of [secured, plain]) socket.on('error', () => (secured.destroy(), plain.destroy()))
  })
  port = await listening(proxy)
})
afterAll(async () => {
  await site.close()
  proxy.close()
})

const certificates = () => ({
  TEMPORAL_TLS_SERVER_CA_CERT_PATH: file('ca.pem'),
  TEMPORAL_TLS_CLIENT_CERT_PATH: file('client.pem'),
  TEMPORAL_TLS_CLIENT_KEY_PATH: file('client.key'),
})
const secured = () => ({ TEMPORAL_ADDRESS: `localhost:${port}`, ...certificates() })

test('a run over mutual TLS: worker and command read the certificates from the environment', async () => {
  site.workerWith(secured(), 'workflow', 'label', 'gpu')
  const input = {
    method: 'sft',
    model: writeTinyFolder(),
    judge: writeTinyFolder(),
    limits: { responseTokens: 4 },
    data: { limit: 6, evaluationPrompts: 2 },
  }
  const { code, out, err } = await rlaif(
    site.home,
    ['run', 'align', '--id', 'secured', '--input', JSON.stringify(input)],
    secured(),
  )
  expect([err, code]).toEqual(['', 0])
  expect(out).toMatch(/Report {3}\//)
  expect((await rlaif(site.home, ['doctor'], secured())).out).toMatch(
    /server +localhost:\d+ answers, namespace default, TLS/,
  )
})

test('a profile of a configuration file does the same', async () => {
  writeFileSync(
    file('temporal.toml'),
    [
      '[profile.team]',
      `address = "localhost:${port}"`,
      'namespace = "default"',
      '[profile.team.tls]',
      `server_ca_cert_path = "${file('ca.pem')}"`,
      `client_cert_path = "${file('client.pem')}"`,
      `client_key_path = "${file('client.key')}"`,
      '',
    ].join('\n'),
  )
  const { code, err } = await rlaif(site.home, ['status'], {
    TEMPORAL_CONFIG_FILE: file('temporal.toml'),
    TEMPORAL_PROFILE: 'team',
  })
  expect([err, code]).toEqual(['', 0])
  const missing = await rlaif(site.home, ['status'], {
    TEMPORAL_CONFIG_FILE: file('temporal.toml'),
    TEMPORAL_PROFILE: 'nobody',
  })
  expect(missing.err).toMatch(
    /the Temporal configuration of TEMPORAL_PROFILE, TEMPORAL_CONFIG_FILE cannot be used: .*nobody/i,
  )
})

test('no connection without a client certificate, or to a server with a certificate of another authority', async () => {
  const { TEMPORAL_TLS_SERVER_CA_CERT_PATH: authority } = certificates()
  for (const environment of [{ TEMPORAL_TLS_SERVER_CA_CERT_PATH: authority }, { TEMPORAL_TLS: 'true' }]) {
    const { code, err } = await rlaif(site.home, ['status'], { TEMPORAL_ADDRESS: `localhost:${port}`, ...environment })
    expect(err).toMatch(/no Temporal server answers at localhost/)
    expect(code).toBe(EXIT_CODES.noServer.code)
  }
})

test('an API key is sent with every call, over TLS only, and never printed', async () => {
  const keys: (string | undefined)[] = []
  const listener = createSecureServer(
    { ...tlsOptions(), requestCert: false, rejectUnauthorized: false },
    (request, response) => {
      keys.push(request.headers.authorization)
      response.writeHead(200, { 'content-type': 'application/grpc', 'grpc-status': '16', 'grpc-message': 'no' })
      response.end()
    },
  )
  const at = await listening(listener)
  const { err, out } = await rlaif(site.home, ['status'], {
    TEMPORAL_ADDRESS: `localhost:${at}`,
    TEMPORAL_API_KEY: 'nobody-may-see',
    TEMPORAL_TLS_SERVER_CA_CERT_PATH: file('ca.pem'),
  })
  listener.close()
  expect(keys[0]).toBe('Bearer nobody-may-see')
  expect(err).toMatch(/no Temporal server answers/)
  expect(out + err).not.toContain('nobody-may-see')
})
