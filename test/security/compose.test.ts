// docker-compose.yml: who reaches whom, who holds which secret, and what nobody gets without setting it.
import { execFileSync } from 'node:child_process'
import { chmodSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { composeText, PROJECT, readCompose, requiredVariables, type Service } from '../deploy/compose'
import { parseYaml } from '../deploy/yaml'
import { temporaryFolder } from '../tiny-folder'

const valueOf = (name: string) => `value-of-${name}`
const variables = Object.fromEntries(requiredVariables().map((name) => [name, valueOf(name)]))
const { services, networks, volumes } = readCompose(variables)
const all = Object.entries(services)
const workers = all.filter(([, { command = [] }]) => command[0] === 'worker')
const ours = all.filter(([, { image }]) => image.startsWith('rlaif-'))
const dockerfile = readFileSync(join(PROJECT, 'Dockerfile'), 'utf8')
const { version } = JSON.parse(readFileSync(join(PROJECT, 'package.json'), 'utf8')) as { version: string }

/** The services whose environment or command holds the value of a variable of .env. */
const holdersOf = (variable: string): string[] =>
  all.filter(([, service]) => JSON.stringify(service).includes(valueOf(variable))).map(([name]) => name)

describe('secrets', () => {
  test('no password, key or token has a default: compose names what is missing, and how to make it', () => {
    const secrets = [...composeText().matchAll(/\$\{(\w*(?:PASSWORD|SECRET|KEYS?|TOKEN)\w*)([^}]*)\}/g)]
    expect(secrets.length).toBeGreaterThan(10)
    for (const [, name, rest] of secrets) expect(`${name}${rest}`).toMatch(/^\w+(:-$|:\?set \w+ in \.env, e\.g\. )/)
    for (const name of requiredVariables()) {
      const rest = Object.fromEntries(Object.entries(variables).filter(([other]) => other !== name))
      expect(() => readCompose(rest)).toThrow(`set ${name} in .env`)
    }
  })

  test('deploy/secrets.sh makes them at random in a file that others cannot read, and leaves what is there', () => {
    const folder = temporaryFolder()
    const file = join(folder, '.env')
    const make = (...given: string[]) =>
      execFileSync('sh', ['-c', 'umask 000; exec sh "$@"', 'sh', join(PROJECT, 'deploy', 'secrets.sh'), ...given], {
        cwd: folder,
        stdio: 'pipe',
      })
    writeFileSync(file, 'GRAFANA_PASSWORD=mine\n')
    chmodSync(file, 0o644)
    make()
    expect(statSync(file).mode & 0o777).toBe(0o600)
    const first = readFileSync(file, 'utf8')
    make('http://labeler:8000')
    const lines = readFileSync(file, 'utf8').trim().split('\n')
    expect(lines.join('\n')).toBe(`${first}RLAIF_ENDPOINTS=http://labeler:8000`)
    expect(lines.map((line) => line.split('=')[0]).sort()).toEqual(requiredVariables().sort())
    const made = lines
      .filter((line) => !/^(GRAFANA|RLAIF_ENDPOINTS)/.test(line))
      .map((line) => line.replace(/^\w+=/, ''))
    expect(new Set(made).size).toBe(made.length)
    for (const value of made) expect(value).toMatch(/^([0-9a-f]{64}|first:[\w+/]{43}=)$/)
  })

  test('.env is neither committed nor sent to the build of an image', () => {
    expect(execFileSync('git', ['check-ignore', '.env'], { cwd: PROJECT, encoding: 'utf8' })).toBe('.env\n')
    expect(readFileSync(join(PROJECT, '.dockerignore'), 'utf8').split('\n')).toContain('.env')
  })

  test('each service holds the secrets that it needs and no more', () => {
    expect(holdersOf('POSTGRES_PASSWORD')).toEqual(['postgres', 'schema', 'temporal'])
    expect(holdersOf('GRAFANA_PASSWORD')).toEqual(['grafana'])
    expect(holdersOf('RLAIF_CODEC_TOKEN')).toEqual(['ui', 'codec'])
    const others = ['postgres', 'schema', 'temporal', 'namespace', 'ui', 'labeler', 'prometheus', 'grafana', 's3-door']
    for (const name of ['S3_SECRET_KEY', 'RLAIF_PAYLOAD_KEYS'])
      expect(holdersOf(name).filter((holder) => others.includes(holder))).toEqual([])
    const withEndpointKeys = all.filter(([, { environment = {} }]) => 'OPENAI_API_KEY' in environment)
    expect(withEndpointKeys.map(([name]) => name)).toEqual(['worker-label'])
  })
})

describe('strict', () => {
  test('workers allow only what is listed, encrypt what Temporal stores and ask for a token', () => {
    expect(workers.map(([name]) => name)).toEqual(['worker-workflow', 'worker-label', 'worker-gpu', 'worker-cuda'])
    for (const [, { environment, volumes = [] }] of workers) {
      expect(environment).toMatchObject({
        RLAIF_STRICT: 1,
        RLAIF_ENDPOINTS: valueOf('RLAIF_ENDPOINTS'),
        RLAIF_PAYLOAD_KEYS: valueOf('RLAIF_PAYLOAD_KEYS'),
        RLAIF_METRICS_TOKEN: valueOf('RLAIF_METRICS_TOKEN'),
        RLAIF_DATA_ROOTS: '/data',
      })
      expect(volumes).toContain('./data:/data:ro')
    }
  })

  test('Grafana asks for a login that is not its default, Prometheus sends the token of the workers', () => {
    expect(services.grafana!.environment).toMatchObject({
      GF_SECURITY_ADMIN_PASSWORD: valueOf('GRAFANA_PASSWORD'),
      GF_AUTH_ANONYMOUS_ENABLED: 'false',
      GF_USERS_ALLOW_SIGN_UP: 'false',
    })
    const text = readFileSync(join(PROJECT, 'deploy', 'prometheus', 'prometheus.yml'), 'utf8')
    const [config] = parseYaml<{ scrape_configs: { authorization: object }[] }>(text)
    for (const { authorization } of config!.scrape_configs)
      expect(authorization).toEqual({ type: 'Bearer', credentials_file: '/run/secrets/metrics-token' })
    expect(services.prometheus!.secrets).toEqual(['metrics-token'])
    expect(composeText()).toContain('metrics-token: { environment: RLAIF_METRICS_TOKEN }')
  })
})

describe('networks', () => {
  const networksOf = ({ networks: joined = ['default'] }: Service) => joined
  const neighbours = (name: string) =>
    all
      .filter(([other, service]) => other !== name && networksOf(service).some((n) => joinedBy(name).includes(n)))
      .map(([other]) => other)
  const joinedBy = (name: string) => networksOf(services[name]!)

  test('every network is declared, and no service is in the network that all would share', () => {
    for (const [, service] of all) for (const name of networksOf(service)) expect(Object.keys(networks)).toContain(name)
  })

  test('the database is reached by Temporal alone, the S3 server by its door alone, the labeler by label workers', () => {
    expect(neighbours('postgres')).toEqual(['schema', 'temporal'])
    expect(neighbours('s3')).toEqual(['s3-door'])
    expect(neighbours('labeler')).toEqual(['worker-label'])
    expect(neighbours('codec')).toEqual([])
    for (const name of ['postgres', 's3', 'bucket', 's3-door', 'schema'])
      for (const joined of joinedBy(name)) expect(networks[joined]?.internal).toBe(true)
  })

  test('ports are published on the loopback interface of the machine only', () => {
    const published = all.flatMap(([, { ports = [] }]) => ports)
    expect(published.length).toBeGreaterThan(3)
    for (const port of published) expect(port).toMatch(/^127\.0\.0\.1:\d+:\d+$/)
  })
})

describe('containers', () => {
  test('gain no privileges; ours have a read-only root and no capabilities', () => {
    for (const [, service] of all) expect(service.security_opt).toEqual(['no-new-privileges:true'])
    expect(ours.length).toBeGreaterThan(6)
    for (const [, service] of ours) expect(service).toMatchObject({ read_only: true, cap_drop: ['ALL'] })
    expect(dockerfile).toMatch(/^USER node$/m)
  })

  test('below the read-only root, a volume lies where a worker writes: its home, its cache, /tmp', () => {
    const [, environment] = /^ENV (NODE_ENV=production .*)$/m.exec(dockerfile)!
    const folders = Object.fromEntries(environment!.split(' ').map((pair) => pair.split('=')))
    for (const [, service] of workers) {
      const mounted = service.volumes!.map((volume) => volume.split(':'))
      const at = (folder: string) => mounted.find(([, target]) => target === folder)
      expect(Object.keys(volumes)).toContain(at(folders.RLAIF_HOME!)?.[0])
      expect(Object.keys(volumes)).toContain(at(folders.RLAIF_CACHE!)?.[0])
      expect(at(folders.RLAIF_INSTALLED!)).toBeUndefined() // what set-up installed is not hidden by a volume
      expect(service).toMatchObject({ tmpfs: ['/tmp'] })
    }
  })

  test('every image is of one version, to which a digest can be added for each alone', () => {
    const isOneVersion = /^[\w./-]+:v?\d+\.\d+(\.\d+)?(-[a-z]+(-slim)?)?$/
    for (const [, { image }] of all) expect(image).toMatch(isOneVersion)
    expect(/^ARG NODE_IMAGE=(.*)$/m.exec(dockerfile)![1]).toMatch(isOneVersion)
    for (const [, { image }] of ours) expect(image.split(':')[1]).toBe(version)
    const bySetting = [...composeText().matchAll(/image: (\S+):\$\{(\w+_VERSION):-/g)]
    expect(new Set(bySetting.map(([, image]) => image)).size).toBe(new Set(bySetting.map(([, , name]) => name)).size)
    const digest = `@sha256:${'0'.repeat(64)}`
    const pinned = readCompose({ ...variables, ...Object.fromEntries(bySetting.map(([, , n]) => [n, `1${digest}`])) })
    for (const { image } of Object.values(pinned.services))
      if (!image.startsWith('rlaif-')) expect(image).toMatch(new RegExp(`:1${digest}$`))
  })

  test('nothing reports to its makers', () => {
    expect(services.s3!.command).toContain('-master.telemetry=false')
    expect(services.labeler!.environment).toMatchObject({ VLLM_NO_USAGE_STATS: '1' })
    expect(services.grafana!.environment).toMatchObject({ GF_ANALYTICS_REPORTING_ENABLED: 'false' })
  })
})
