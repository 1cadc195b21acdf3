// llama.cpp as a peer: its prebuilt library by node-llama-cpp, and the model written as GGUF, both in the cache from their
// first use on.
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, renameSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { CACHE } from '../setup/places.mjs'
import { peerPython } from './peer.mjs'
import { openSide } from './sides.mjs'

const VERSION = '3.21.1'
const GGUF = 'gguf==0.19.0'
const here = dirname(fileURLToPath(import.meta.url))
const folder = join(CACHE, `bench-llama-${VERSION}`)
const library = join(folder, 'npm')
const python = join(folder, 'python')

export const LLAMA = `llama.cpp (node-llama-cpp ${VERSION})`

/** node-llama-cpp's package of prebuilt libraries for this machine's processor. */
function prebuilt() {
  const name = { 'linux-x64': 'linux-x64', 'linux-arm64': 'linux-arm64', 'darwin-arm64': 'mac-arm64-metal' }[
    `${process.platform}-${process.arch}`
  ]
  if (!name) throw new Error(`bench: node-llama-cpp has no library for ${process.platform} on ${process.arch}`)
  return `@node-llama-cpp/${name}@${VERSION}`
}

function run(command, args, env = {}) {
  const { status, error } = spawnSync(command, args, {
    stdio: ['ignore', process.stderr, 'inherit'],
    env: { ...process.env, ...env },
  })
  if (status !== 0) throw new Error(`bench: ${command} ${args.join(' ')} failed${error ? ` (${error.message})` : ''}`)
}

function install() {
  if (existsSync(join(folder, 'complete'))) return
  process.stderr.write('bench: installing llama.cpp, once\n')
  mkdirSync(library, { recursive: true })
  const quiet = ['--no-audit', '--no-fund', '--ignore-scripts', '--omit=optional', '--loglevel=error']
  run('npm', ['install', '--prefix', library, ...quiet, `node-llama-cpp@${VERSION}`, prebuilt()])
  const pip = ['-I', '-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '--no-deps']
  run(peerPython(), [...pip, '--upgrade', '--target', python, GGUF])
  mkdirSync(join(folder, 'complete'))
}

/** The model as a GGUF file in the cache, by the digest of its weights. */
function ggufFile(model, precision) {
  const weights = createHash('sha256')
    .update(readFileSync(join(model, 'model.safetensors')))
    .digest('hex')
  const file = join(folder, `${weights.slice(0, 16)}-${precision}.gguf`)
  if (existsSync(file)) return file
  const partial = `${file}.partial-${process.pid}`
  run(peerPython(), ['-P', join(here, 'gguf.py'), model, partial, precision], { PYTHONPATH: python })
  renameSync(partial, file)
  return file
}

/** A side of the bench (sides.mjs) in the given precision; installs llama.cpp first if it is missing. */
export function openLlama(model, precision) {
  install()
  return openSide(process.execPath, [join(here, 'llama-peer.mjs'), library, ggufFile(model, precision)])
}

/** `row()`, or a row that says why there is none where llama.cpp can't be installed. */
export async function llamaRow(figure, row) {
  try {
    install()
  } catch (error) {
    return { figure, unit: '', note: `skipped, llama.cpp could not be installed: ${error.message}` }
  }
  return row()
}
