// deploy/kubernetes: what each pod may do, which secrets each role holds, and whom it reaches.
import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { PROJECT } from '../deploy/compose'
import { parseYaml } from '../deploy/yaml'

const folder = join(PROJECT, 'deploy', 'kubernetes')
const documents = <T>(name: string) => parseYaml<T>(readFileSync(join(folder, name), 'utf8'))

interface Container {
  name: string
  image: string
  args: string[]
  envFrom: { configMapRef?: { name: string }; secretRef?: { name: string; optional?: boolean } }[]
  securityContext: object
  volumeMounts: { name: string; mountPath: string; readOnly?: boolean }[]
  resources: { limits: { memory: string } }
}
interface Volume {
  name: string
  emptyDir?: { sizeLimit?: string }
  persistentVolumeClaim?: { claimName: string }
  configMap?: { name: string }
  secret?: { secretName: string }
}
interface Pod {
  serviceAccountName: string
  automountServiceAccountToken: boolean
  securityContext: object
  containers: Container[]
  volumes: Volume[]
}
interface Workload {
  apiVersion: string
  kind: string
  metadata: { name: string }
  spec: { selector?: { matchLabels: Labels }; template: { metadata: { labels: Labels }; spec: Pod } }
}
type Labels = Record<string, string>

const workloads = [...documents<Workload>('workers.yaml'), ...documents<Workload>('schedules.yaml')]
const pods = workloads.map(({ metadata, spec }) => ({
  name: metadata.name,
  labels: spec.template.metadata.labels,
  ...spec.template.spec,
}))
const [kustomization] = documents<{
  resources: string[]
  images: { name: string; newTag: string }[]
  configMapGenerator: { name: string; literals?: string[] }[]
}>('kustomization.yaml')
const settings = Object.fromEntries(
  kustomization!.configMapGenerator[0]!.literals!.map((line) => [line.split('=')[0]!, line.replace(/^\w+=/, '')]),
)

describe('pods', () => {
  test('run without root, privileges, a writable root or a token of Kubernetes', () => {
    expect(pods.map(({ name }) => name)).toEqual(['worker-workflow', 'worker-label', 'worker-gpu', 'schedules'])
    const [namespace, account] = documents<object>('namespace.yaml')
    expect(namespace).toMatchObject({ metadata: { labels: { 'pod-security.kubernetes.io/enforce': 'restricted' } } })
    expect(account).toMatchObject({ kind: 'ServiceAccount', automountServiceAccountToken: false })
    for (const pod of pods) {
      expect(pod).toMatchObject({
        serviceAccountName: 'rlaif',
        automountServiceAccountToken: false,
        securityContext: { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } },
      })
      for (const { securityContext, resources } of pod.containers) {
        expect(securityContext).toEqual({
          allowPrivilegeEscalation: false,
          readOnlyRootFilesystem: true,
          capabilities: { drop: ['ALL'] },
        })
        expect(resources.limits.memory).toMatch(/Gi$/)
      }
    }
  })

  test('below the read-only root, a volume of bounded size lies where a worker writes: home, cache, /tmp', () => {
    const dockerfile = readFileSync(join(PROJECT, 'Dockerfile'), 'utf8')
    const [, home, cache] = [
      undefined,
      /RLAIF_HOME=(\S+)/.exec(dockerfile)![1],
      /RLAIF_CACHE=(\/var\S+)/.exec(dockerfile)![1],
    ]
    for (const { containers, volumes } of pods.filter(({ name }) => name !== 'schedules')) {
      const at = (path: string) =>
        volumes.find(({ name }) => containers[0]!.volumeMounts.some((m) => m.mountPath === path && m.name === name))
      expect(at(home!)?.persistentVolumeClaim?.claimName).toBe('store')
      expect(at(cache!)?.emptyDir?.sizeLimit).toMatch(/^\d+Gi$/)
      expect(at('/tmp')?.emptyDir?.sizeLimit).toMatch(/^\d+Gi$/)
      expect(at('/opt/rlaif-cache')).toBeUndefined()
    }
  })

  test('allow only what is listed', () => {
    expect(settings).toMatchObject({ RLAIF_STRICT: '1', RLAIF_DATA_ROOTS: '/var/lib/rlaif/data' })
    expect(settings.RLAIF_ENDPOINTS).toMatch(/^https:/)
  })
})

describe('manifests fit together', () => {
  test('names of volumes, maps, claims and resources exist, labels and images agree', () => {
    for (const name of kustomization!.resources) expect(existsSync(join(folder, name))).toBe(true)
    const [claim] = documents<{ metadata: { name: string } }>('store.yaml')
    const maps = kustomization!.configMapGenerator.map(({ name }) => name)
    for (const { spec } of workloads) {
      const { template, selector } = spec
      if (selector) expect(template.metadata.labels).toMatchObject(selector.matchLabels)
      const { volumes, containers } = template.spec
      for (const { image, volumeMounts, envFrom } of containers) {
        expect(image).toBe(kustomization!.images[0]!.name)
        expect(volumeMounts.map(({ name }) => name).sort()).toEqual(volumes.map(({ name }) => name).sort())
        for (const { configMapRef } of envFrom) if (configMapRef) expect(maps).toContain(configMapRef.name)
      }
      for (const { persistentVolumeClaim, configMap } of volumes) {
        if (persistentVolumeClaim) expect(persistentVolumeClaim.claimName).toBe(claim!.metadata.name)
        if (configMap) expect(maps).toContain(configMap.name)
      }
    }
  })

  test('the image is of one version', () => {
    expect(kustomization!.images.map(({ newTag }) => newTag)).toEqual([
      (JSON.parse(readFileSync(join(PROJECT, 'package.json'), 'utf8')) as { version: string }).version,
    ])
  })
})

interface Secret {
  metadata: { name: string; namespace: string }
  data: Record<string, string>
}
const KEYS = { OPENAI_API_KEY: 'key "of" $the endpoint', OTHER_KEY: 'k2', HF_TOKEN: 'hub', SLACK_WEBHOOK_URL: 'hook' }

const printSecrets = (names: string[]) =>
  execFileSync('sh', [join(folder, 'secrets.sh'), ...names], {
    env: { PATH: process.env.PATH, ...KEYS },
    encoding: 'utf8',
    stdio: 'pipe',
  })

describe('secrets', () => {
  const secrets = parseYaml<Secret>(printSecrets(['OPENAI_API_KEY', 'OTHER_KEY']))
  const keysOf = (name: string) => Object.keys(secrets.find(({ metadata }) => metadata.name === name)!.data).sort()

  test('each role has its own: only label workers hold the keys of endpoints', () => {
    const common = ['RLAIF_METRICS_TOKEN', 'RLAIF_PAYLOAD_KEYS']
    expect(keysOf('worker-workflow')).toEqual(['HF_TOKEN', ...common, 'SLACK_WEBHOOK_URL'])
    expect(keysOf('worker-label')).toEqual(['OPENAI_API_KEY', 'OTHER_KEY', ...common])
    expect(keysOf('worker-gpu')).toEqual(['HF_TOKEN', ...common])
    expect(keysOf('schedules')).toEqual(['RLAIF_PAYLOAD_KEYS'])
    expect(keysOf('metrics')).toEqual(['token'])
    for (const { name, containers } of pods)
      expect(containers[0]!.envFrom.flatMap(({ secretRef }) => secretRef ?? [])).toEqual([{ name }])
  })

  test('values arrive as they are; payload keys and the token of metrics are random, and the same everywhere', () => {
    const valueOf = (secret: string, key: string) =>
      Buffer.from(secrets.find(({ metadata }) => metadata.name === secret)!.data[key]!, 'base64').toString()
    expect(valueOf('worker-label', 'OPENAI_API_KEY')).toBe(KEYS.OPENAI_API_KEY)
    expect(valueOf('schedules', 'RLAIF_PAYLOAD_KEYS')).toMatch(/^first:[\w+/]{43}=$/)
    expect(valueOf('schedules', 'RLAIF_PAYLOAD_KEYS')).toBe(valueOf('worker-gpu', 'RLAIF_PAYLOAD_KEYS'))
    expect(valueOf('metrics', 'token')).toBe(valueOf('worker-gpu', 'RLAIF_METRICS_TOKEN'))
    expect(printSecrets([])).not.toBe(printSecrets([]))
  })

  test('what is no variable, or not set, is refused', () => {
    expect(() => printSecrets(['NOT_SET'])).toThrow(/NOT_SET is not set/)
    expect(() => printSecrets(['$(id)'])).toThrow(/is not the name of a variable/)
  })
})

interface Peer {
  ipBlock?: { cidr: string; except?: string[] }
  podSelector?: Selector
  namespaceSelector?: Selector
}
interface Selector {
  matchLabels?: Labels
  matchExpressions?: { key: string; operator: string; values: string[] }[]
}
interface Policy {
  metadata: { name: string }
  spec: {
    podSelector: Selector
    policyTypes: string[]
    egress?: { to: Peer[]; ports: { port: number }[] }[]
    ingress?: { from: Peer[]; ports: { port: number }[] }[]
  }
}

describe('network', () => {
  const policies = documents<Policy>('network.yaml')
  const selects = ({ matchLabels = {}, matchExpressions = [] }: Selector, labels: Labels) =>
    Object.entries(matchLabels).every(([key, value]) => labels[key] === value) &&
    matchExpressions.every(({ key, values }) => values.includes(labels[key] ?? ''))
  const of = (labels: Labels) => policies.filter(({ spec }) => selects(spec.podSelector, labels))
  const portsOut = (labels: Labels) =>
    of(labels).flatMap(({ spec }) => (spec.egress ?? []).flatMap(({ ports }) => ports.map(({ port }) => port)))

  test('what no rule names is dropped, in both directions, for every pod', () => {
    expect(policies[0]!.spec).toEqual({ podSelector: {}, policyTypes: ['Ingress', 'Egress'] })
    for (const { spec } of policies) for (const { to } of spec.egress ?? []) expect(to.length).toBeGreaterThan(0) // an empty list would be everybody
    for (const { spec } of policies) for (const { from } of spec.ingress ?? []) expect(from.length).toBeGreaterThan(0)
  })

  test('each role reaches names, Temporal and HTTPS; label workers also the labeler, schedules only Temporal', () => {
    const ways = Object.fromEntries(pods.map(({ name, labels }) => [name, portsOut(labels).sort((a, b) => a - b)]))
    expect(ways).toEqual({
      'worker-workflow': [53, 53, 443, 7233],
      'worker-label': [53, 53, 443, 7233, 8000],
      'worker-gpu': [53, 53, 443, 7233],
      schedules: [53, 53, 7233],
    })
  })

  test('no pod reaches the metadata of its cloud, and none the cluster by HTTPS', () => {
    const blocks = policies.flatMap(({ spec }) =>
      (spec.egress ?? []).flatMap(({ to }) => to.flatMap((p) => p.ipBlock ?? [])),
    )
    for (const { except } of blocks) expect(except).toContain('169.254.0.0/16')
    const https = policies.find(({ metadata }) => metadata.name === 'https')!.spec.egress![0]!
    expect(https.to[0]!.ipBlock!.except).toEqual(
      expect.arrayContaining(['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16']),
    )
  })

  test('pods are asked by Prometheus alone, for metrics, with the token of its Secret', () => {
    for (const { labels } of pods) {
      const rules = of(labels).flatMap(({ spec }) => spec.ingress ?? [])
      expect(rules).toEqual([
        {
          from: [{ namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'monitoring' } } }],
          ports: [{ protocol: 'TCP', port: 9464 }],
        },
      ])
    }
    expect(documents<object>('pod-monitor.yaml')[0]).toMatchObject({
      spec: { podMetricsEndpoints: [{ authorization: { credentials: { name: 'metrics', key: 'token' } } }] },
    })
  })
})
