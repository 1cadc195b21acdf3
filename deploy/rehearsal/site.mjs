// The machines of a rehearsal on one machine: hosts as network namespaces, users without names, and processes whose
// world is that of a container of docker-compose.yml: a read-only root, a home that can be written, and a /tmp of its own.
import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { chmodSync, chownSync, copyFileSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { basename, join } from 'node:path'

/** The site's folder, with homes and logs. */
export let site

/** Addresses of the two links: from this machine to the GPU worker's host, and to the S3 server's. */
export const ADDRESS = { server: '10.213.77.1', gpu: '10.213.77.2', s3: '10.213.77.6' }
const HOSTS = [
  { host: 'gpu', here: ADDRESS.server, there: ADDRESS.gpu },
  { host: 's3', here: '10.213.77.5', there: ADDRESS.s3 },
]
const namespaceOf = (host) => `rlaif-${host}-${process.pid}`
const linkOf = (host) => [`rl${host}${process.pid}a`, `rl${host}${process.pid}b`]
const ip = (...args) => execFileSync('ip', args, { stdio: ['ignore', 'ignore', 'inherit'] })

export function openSite() {
  site = mkdtempSync('/var/tmp/rlaif-site-')
  chmodSync(site, 0o755)
  return site
}

/** Each host reaches this machine's end of its link, and nothing else. */
export function openNetwork() {
  for (const { host, here, there } of HOSTS) {
    const [inner, outer] = linkOf(host)
    ip('netns', 'add', namespaceOf(host))
    ip('link', 'add', inner, 'type', 'veth', 'peer', 'name', outer, 'netns', namespaceOf(host))
    ip('addr', 'add', `${here}/30`, 'dev', inner)
    ip('link', 'set', inner, 'up')
    ip('-n', namespaceOf(host), 'addr', 'add', `${there}/30`, 'dev', outer)
    for (const device of ['lo', outer]) ip('-n', namespaceOf(host), 'link', 'set', device, 'up')
  }
}
function closeNetwork() {
  for (const { host } of HOSTS) {
    spawnSync('ip', ['link', 'del', linkOf(host)[0]], { stdio: 'ignore' })
    spawnSync('ip', ['netns', 'del', namespaceOf(host)], { stdio: 'ignore' })
  }
}

// Users: user ids without names, none of which may read another's files.
const FIRST_USER = 21_300
const users = new Map()
export function homeOf(name) {
  if (!users.has(name)) {
    const uid = FIRST_USER + users.size
    const home = join(site, name)
    mkdirSync(home, { mode: 0o700 })
    chownSync(home, uid, uid)
    users.set(name, { uid, home })
  }
  return users.get(name)
}
const asUser = ({ uid }) => ['setpriv', `--reuid=${uid}`, `--regid=${uid}`, '--clear-groups', '--no-new-privs']
const inNamespace = (host) => (host === 'here' ? [] : ['ip', 'netns', 'exec', namespaceOf(host)])
const cleanEnvironment = (home, more) => ({
  PATH: process.env.PATH,
  HOME: home,
  USER: basename(home),
  LANG: 'C.UTF-8',
  ...more,
})
const readOnlyRoot = [
  ...['unshare', '--mount', 'sh', '-c'],
  'mount --bind "$HOME" "$HOME" && mount -o remount,bind,ro / && mount -t tmpfs tmpfs /tmp && cd "$HOME" && exec "$@"',
  'sh',
]

const processes = []
/** Starts a process under its own user. @param host the host whose network it uses */
export function start(name, command, { environment = {}, host = 'here' } = {}) {
  const user = homeOf(name)
  const log = join(site, `${name}.log`)
  const [program, ...args] = [...inNamespace(host), ...readOnlyRoot, ...asUser(user), ...command]
  const child = spawn('sh', ['-c', 'exec "$@" >>"$LOG" 2>&1', 'sh', program, ...args], {
    cwd: user.home,
    env: { ...cleanEnvironment(user.home, environment), LOG: log },
    stdio: 'ignore',
  })
  processes.push(child)
  return child
}
/** Runs a command under a user and waits until it ends. */
export async function run(name, command, { environment = {}, host = 'here' } = {}) {
  const user = homeOf(name)
  const [program, ...args] = [...inNamespace(host), ...readOnlyRoot, ...asUser(user), ...command]
  const child = spawn(program, args, {
    cwd: user.home,
    env: cleanEnvironment(user.home, environment),
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const text = { out: '', err: '' }
  child.stdout.on('data', (part) => (text.out += part))
  child.stderr.on('data', (part) => (text.err += part))
  const status = await new Promise((done) => child.once('close', done))
  return { status, out: text.out.trim(), err: text.err.trim() }
}
export async function end(child, signal = 'SIGTERM') {
  if (child.exitCode !== null || child.signalCode !== null) return
  const gone = new Promise((done) => child.once('exit', done))
  child.kill(signal)
  const late = setTimeout(() => child.kill('SIGKILL'), 20_000)
  await gone
  clearTimeout(late)
}

/** Copies a program to where all users can execute it. */
export function installed(file) {
  mkdirSync(join(site, 'bin'), { recursive: true })
  const target = join(site, 'bin', basename(file))
  copyFileSync(file, target)
  chmodSync(target, 0o755)
  return target
}

/** Ends everything that was started. @param keep whether the homes and logs stay */
export async function closeSite(keep) {
  await Promise.all(processes.map((child) => end(child)))
  closeNetwork()
  if (keep) console.log(`kept in ${site}`)
  else rmSync(site, { recursive: true, force: true })
}
