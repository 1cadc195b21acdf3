// The native part of TensorFlow.js, compiled against a current TensorFlow instead of the 2022 version that its
// installer downloads.
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { copyFileSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { copyPatched } from './binding-patch.mjs'
import { nativeFolder, packageFolder, tensorflowFolder } from './places.mjs'

const binding = join(nativeFolder, 'tfjs_binding.node')
const tfjs = () => packageFolder('@tensorflow/tfjs-node-gpu')
const installed = () => join(tfjs(), 'lib', 'napi-v8', 'tfjs_binding.node')
const digestOf = (file) => createHash('sha256').update(readFileSync(file)).digest('hex')

export const nativePartIsBuilt = () => existsSync(binding)
/** The package's own installer may have put another file there, built for a TensorFlow of 2022. */
export const nativePartIsInstalled = () =>
  tfjs() !== undefined && nativePartIsBuilt() && existsSync(installed()) && digestOf(installed()) === digestOf(binding)

export function buildNativePart() {
  const tensorflow = join(tensorflowFolder, 'tensorflow')
  const staging = `${binding}.partial-${process.pid}`
  const source = `${staging}-source`
  mkdirSync(nativeFolder, { recursive: true })
  if (!copyPatched(join(tfjs(), 'binding'), source))
    process.stderr.write(
      'set-up: the sources of @tensorflow/tfjs-node-gpu are not those of 4.22.0: operations will run one by one, slower in bfloat16; restore the package with `npm ci`\n',
    )
  const { status } = spawnSync(
    'g++',
    [
      ...['-std=c++17', '-O2', '-fPIC', '-shared', '-w', '-DNAPI_VERSION=8', '-DBUILDING_NODE_EXTENSION'],
      ...['-I', join(packageFolder('node-api-headers'), 'include'), '-I', tfjs(), '-I', join(tensorflow, 'include')],
      ...[join(source, 'tfjs_backend.cc'), join(source, 'tfjs_binding.cc'), '-o', staging],
      ...[
        `-Wl,-rpath,${tensorflow}`,
        join(tensorflow, 'libtensorflow_cc.so.2'),
        join(tensorflow, 'libtensorflow_framework.so.2'),
      ],
    ],
    { stdio: ['ignore', process.stderr, 'inherit'] },
  )
  rmSync(source, { recursive: true })
  if (status !== 0)
    throw new Error('set-up: g++ could not compile the native part of TensorFlow.js; see its messages above')
  renameSync(staging, binding)
}

/** Copies the compiled file to where the package looks for it; `npm ci` removes it there. */
export function installNativePart() {
  mkdirSync(dirname(installed()), { recursive: true })
  const staging = `${installed()}.partial-${process.pid}` // a running process keeps the file that it has loaded
  copyFileSync(binding, staging)
  renameSync(staging, installed())
}
