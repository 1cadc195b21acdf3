// A stand-in for the Hugging Face Hub that takes uploads and serves them, as a process of its own: repositories in
// memory, with the routes that @huggingface/hub, huggingface_hub and `datasets` use. Prints its address.
//
//   node test/hub-server.mjs [--part-bytes 100000]
//
// Writing takes the token "hf_write". GET /-/requests lists what was asked; POST /-/fault {"path", "times"} makes the
// next requests whose path contains `path` fail with 503; POST /-/licence {"name", "licence"} makes a model with a card.
import { createHash } from 'node:crypto'
import { createServer } from 'node:http'
import { parseArgs } from 'node:util'

const { values: flags } = parseArgs({ options: { 'part-bytes': { type: 'string', default: '100000' } } })
const PART_BYTES = Number(flags['part-bytes'])
const TOKEN = 'hf_write'
/** Files of these kinds go to large-file storage, whatever their size. */
const LARGE = /\.(safetensors|parquet|bin)$/

/** By "models/owner/name" or "datasets/owner/name". */
const repositories = new Map()
/** By SHA-256; parts of unfinished ones by "oid/number". */
const objects = new Map()
const requests = []
const faults = []

const sha256 = (bytes) => createHash('sha256').update(bytes).digest('hex')
const gitId = (bytes) => createHash('sha1').update(`blob ${bytes.length}\0`).update(bytes).digest('hex')

class Refused extends Error {
  constructor(status, message, code) {
    super(message)
    Object.assign(this, { status, code })
  }
}

function found(kind, name, { token }) {
  const repository = repositories.get(`${kind}/${name}`)
  if (!repository || (repository.private && token !== TOKEN))
    throw new Refused(token === undefined ? 401 : 404, 'Repository not found', 'RepoNotFound')
  return repository
}

function writable(kind, name, request) {
  if (request.token !== TOKEN) throw new Refused(403, 'This token may not write here')
  return found(kind, name, request)
}

const entryOf = ([path, bytes]) => ({
  type: 'file',
  path,
  size: bytes.length,
  oid: gitId(bytes),
  ...(LARGE.test(path) && { lfs: { oid: sha256(bytes), size: bytes.length, pointerSize: 130 } }),
})

function infoOf(kind, name, { files, sha, private: isPrivate, licence }) {
  const siblings = [...files].map(([rfilename]) => ({ rfilename }))
  const card = licence === undefined ? {} : { cardData: { license: licence } }
  const dates = { lastModified: '2026-01-01T00:00:00.000Z', createdAt: '2026-01-01T00:00:00.000Z' }
  return {
    _id: '1',
    id: name,
    sha,
    private: isPrivate,
    gated: false,
    disabled: false,
    downloads: 0,
    likes: 0,
    tags: [],
    ...dates,
    siblings,
    ...card,
  }
}

/** Files and folders right below a folder, or all below it. */
function tree({ files }, folder, recursive) {
  const prefix = folder ? `${folder}/` : ''
  const below = [...files].filter(([path]) => path.startsWith(prefix))
  const folders = new Set(
    below
      .map(([path]) => path.slice(prefix.length).split('/'))
      .flatMap((parts) => (parts.length > 1 ? [`${prefix}${parts[0]}`] : [])),
  )
  const entries = below.filter(([path]) => recursive || !path.slice(prefix.length).includes('/')).map(entryOf)
  if (entries.length + folders.size === 0) throw new Refused(404, `no ${folder}`, 'EntryNotFound')
  return [
    ...[...folders].map((path) => ({ type: 'directory', path, size: 0, oid: gitId(Buffer.from(path)) })),
    ...entries,
  ]
}

function uploadAction({ oid, size }, address) {
  if (objects.has(oid)) return { oid, size }
  const verify = { href: `${address}/-/lfs/${oid}/verify` }
  if (size <= PART_BYTES) return { oid, size, actions: { upload: { href: `${address}/-/lfs/${oid}` }, verify } }
  const parts = Array.from({ length: Math.ceil(size / PART_BYTES) }, (_, i) => i + 1)
  const header = { chunk_size: String(PART_BYTES) }
  for (const part of parts) header[String(part).padStart(5, '0')] = `${address}/-/lfs/${oid}/parts/${part}`
  return { oid, size, actions: { upload: { href: `${address}/-/lfs/${oid}/complete`, header }, verify } }
}

function store(oid, bytes) {
  if (sha256(bytes) !== oid) throw new Refused(422, 'the content does not have this digest')
  objects.set(oid, bytes)
}

function commit(repository, lines) {
  const files = new Map(repository.files)
  for (const { key, value } of lines) {
    if (key === 'file') files.set(value.path, Buffer.from(value.content, 'base64'))
    if (key === 'deletedFile') files.delete(value.path)
    if (key !== 'lfsFile') continue
    if (!objects.has(value.oid)) throw new Refused(422, `the large file ${value.path} was not uploaded`)
    files.set(value.path, objects.get(value.oid))
  }
  repository.files = files
  repository.sha = createHash('sha1')
    .update(`${repository.sha}${JSON.stringify(lines)}`)
    .digest('hex')
  repository.commits.push(lines.find(({ key }) => key === 'header').value.summary)
  return repository.sha
}

const json = (bytes) => JSON.parse(bytes.toString('utf8'))
const pathsIn = (body) => {
  const text = body.toString('utf8')
  return text.startsWith('{') ? [JSON.parse(text).paths].flat() : new URLSearchParams(text).getAll('paths')
}

/** Method and pattern of the path, and what answers. */
const ROUTES = [
  [
    'POST',
    /^\/api\/repos\/create$/,
    (_, request) => {
      if (request.token !== TOKEN) throw new Refused(401, 'Invalid token')
      const { type, name, organization, visibility } = json(request.body)
      const place = `${type}s/${organization}/${name}`
      if (repositories.has(place)) throw new Refused(409, 'You already created this repository')
      repositories.set(place, { files: new Map(), sha: '0'.repeat(40), commits: [], private: visibility === 'private' })
      return {
        url: `${request.address}/${organization}/${name}`,
        id: `${organization}/${name}`,
        name: `${organization}/${name}`,
      }
    },
  ],
  [
    'GET',
    /^\/api\/(models|datasets)\/([^/]+\/[^/]+)(?:\/revision\/[^/]+)?$/,
    ([kind, name], request) => infoOf(kind, name, found(kind, name, request)),
  ],
  [
    'GET',
    /^\/api\/(models|datasets)\/([^/]+\/[^/]+)\/refs$/,
    ([kind, name], request) => ({
      branches: [{ name: 'main', ref: 'refs/heads/main', targetCommit: found(kind, name, request).sha }],
      converts: [],
      tags: [],
    }),
  ],
  [
    'GET',
    /^\/api\/(models|datasets)\/([^/]+\/[^/]+)\/tree\/[^/]+(?:\/(.+))?$/,
    ([kind, name, folder], request) =>
      tree(found(kind, name, request), folder ?? '', /^(true|1)$/i.test(request.query.get('recursive') ?? '')),
  ],
  [
    'POST',
    /^\/api\/(models|datasets)\/([^/]+\/[^/]+)\/paths-info\/[^/]+$/,
    ([kind, name], request) => {
      const { files } = found(kind, name, request)
      return pathsIn(request.body).flatMap((path) =>
        files.has(path)
          ? [entryOf([path, files.get(path)])]
          : [...files.keys()].some((file) => file.startsWith(`${path}/`))
            ? [{ type: 'directory', path, oid: gitId(Buffer.from(path)), size: 0 }]
            : [],
      )
    },
  ],
  [
    'POST',
    /^\/api\/(models|datasets)\/([^/]+\/[^/]+)\/preupload\/[^/]+$/,
    ([kind, name], request) => {
      writable(kind, name, request)
      return {
        files: json(request.body).files.map(({ path }) => ({
          path,
          uploadMode: LARGE.test(path) ? 'lfs' : 'regular',
          shouldIgnore: false,
        })),
      }
    },
  ],
  [
    'POST',
    /^\/(datasets\/)?([^/]+\/[^/]+)\.git\/info\/lfs\/objects\/batch$/,
    ([dataset, name], request) => {
      writable(dataset ? 'datasets' : 'models', name, request)
      return {
        transfer: 'basic',
        objects: json(request.body).objects.map((object) => uploadAction(object, request.address)),
      }
    },
  ],
  ['PUT', /^\/-\/lfs\/(\w+)$/, ([oid], { body }) => store(oid, body)],
  [
    'PUT',
    /^\/-\/lfs\/(\w+)\/parts\/(\d+)$/,
    ([oid, part], { body, response }) => {
      objects.set(`${oid}/${part}`, body)
      response.setHeader('etag', `"${gitId(body)}"`)
    },
  ],
  [
    'POST',
    /^\/-\/lfs\/(\w+)\/complete$/,
    ([oid], { body }) => {
      const { parts } = json(body)
      store(
        oid,
        Buffer.concat(
          parts.map(({ partNumber, etag }) => {
            const bytes = objects.get(`${oid}/${partNumber}`)
            if (!bytes || !etag.includes(gitId(bytes))) throw new Refused(422, `part ${partNumber} did not arrive`)
            return bytes
          }),
        ),
      )
    },
  ],
  [
    'POST',
    /^\/-\/lfs\/(\w+)\/verify$/,
    ([oid]) => {
      if (!objects.has(oid)) throw new Refused(404, 'no such object')
    },
  ],
  [
    'POST',
    /^\/api\/(models|datasets)\/([^/]+\/[^/]+)\/commit\/main$/,
    ([kind, name], request) => {
      const lines = request.body
        .toString('utf8')
        .split('\n')
        .filter(Boolean)
        .map((line) => JSON.parse(line))
      const oid = commit(writable(kind, name, request), lines)
      return {
        success: true,
        commitOid: oid,
        commitUrl: `${request.address}/${kind === 'datasets' ? 'datasets/' : ''}${name}/commit/${oid}`,
      }
    },
  ],
  [
    'GET',
    /^\/(datasets\/)?([^/]+\/[^/]+)\/resolve\/[^/]+\/(.+)$/,
    ([dataset, name, path], request) => {
      const repository = found(dataset ? 'datasets' : 'models', name, request)
      const bytes = repository.files.get(path)
      if (!bytes) throw new Refused(404, `no ${path}`, 'EntryNotFound')
      return send(bytes, LARGE.test(path) ? sha256(bytes) : gitId(bytes), repository.sha, request)
    },
  ],
  ['GET', /^\/-\/requests$/, () => requests],
  [
    'GET',
    /^\/-\/commits\/(models|datasets)\/([^/]+\/[^/]+)$/,
    ([kind, name]) => repositories.get(`${kind}/${name}`)?.commits ?? [],
  ],
  ['POST', /^\/-\/fault$/, (_, { body }) => void faults.push(json(body))],
  [
    'POST',
    /^\/-\/licence$/,
    (_, { body }) => {
      const { name, licence } = json(body)
      repositories.set(`models/${name}`, {
        files: new Map([['README.md', Buffer.from('x')]]),
        sha: '1'.repeat(40),
        commits: [],
        private: false,
        licence,
      })
    },
  ],
]

const SENT = Symbol('sent')

function send(bytes, etag, commitId, { method, headers, response }) {
  const [, from, to] = /bytes=(\d+)-(\d*)/.exec(headers.range ?? '') ?? []
  const [start, end] = [Number(from ?? 0), to ? Math.min(Number(to), bytes.length - 1) : bytes.length - 1]
  response.writeHead(from === undefined ? 200 : 206, {
    etag: `"${etag}"`,
    'x-repo-commit': commitId,
    'x-linked-etag': `"${etag}"`,
    'x-linked-size': bytes.length,
    'accept-ranges': 'bytes',
    'content-length': end - start + 1,
    ...(from !== undefined && { 'content-range': `bytes ${start}-${end}/${bytes.length}` }),
  })
  response.end(method === 'HEAD' ? undefined : bytes.subarray(start, end + 1))
  return SENT
}

function answer(request) {
  const { method, path, response } = request
  const fault = faults.find(({ path: part, times }) => times > 0 && path.includes(part))
  if (fault) {
    fault.times--
    throw new Refused(503, 'the Hub is busy')
  }
  for (const [verb, pattern, respond] of ROUTES) {
    const match = (verb === method || (verb === 'GET' && method === 'HEAD')) && pattern.exec(path)
    if (!match) continue
    const value = respond(match.slice(1), request)
    if (value !== SENT) response.setHeader('content-type', 'application/json').end(JSON.stringify(value ?? {}))
    return
  }
  throw new Refused(404, `no route ${method} ${path}`, 'EntryNotFound')
}

const server = createServer(async (incoming, response) => {
  const chunks = []
  for await (const chunk of incoming) chunks.push(chunk)
  const { pathname, searchParams } = new URL(incoming.url, 'http://hub')
  const path = decodeURIComponent(pathname)
  const token = /^Bearer (.+)$/.exec(incoming.headers.authorization ?? '')?.[1]
  if (!path.startsWith('/-/requests')) requests.push({ method: incoming.method, path, token })
  const address = `http://127.0.0.1:${server.address().port}`
  try {
    answer({
      method: incoming.method,
      headers: incoming.headers,
      path,
      query: searchParams,
      token,
      address,
      response,
      body: Buffer.concat(chunks),
    })
  } catch (error) {
    if (!(error instanceof Refused)) process.stderr.write(`${error.stack}\n`)
    response.writeHead(error.status ?? 500, {
      'content-type': 'application/json',
      ...(error.code && { 'x-error-code': error.code }),
    })
    response.end(JSON.stringify({ error: error.message }))
  }
})
server.listen(0, '127.0.0.1', () => process.stdout.write(`http://127.0.0.1:${server.address().port}\n`))
