// What the machine must have before anything is downloaded. All missing requirements are reported at once, each with
// its remedy.
import { spawnSync } from 'node:child_process'
import { MINIMUM_NODE } from './pins.mjs'
import { PYTHON_FOLDER } from './places.mjs'

const answers = (command, args) => spawnSync(command, args, { cwd: PYTHON_FOLDER, stdio: 'ignore' }).status === 0

function nodeIsTooOld() {
  const [major, minor] = process.versions.node.split('.').map(Number)
  return major < MINIMUM_NODE[0] || (major === MINIMUM_NODE[0] && minor < MINIMUM_NODE[1])
}

/** @returns {string[]} one line for each requirement that is not met */
export function missingRequirements() {
  const missing = []
  if (nodeIsTooOld()) {
    missing.push(
      `Node.js ${MINIMUM_NODE.join('.')} or later is required, this is ${process.versions.node}: ` +
        'install it from nodejs.org or with your package manager',
    )
  }
  if (process.platform !== 'linux' || process.arch !== 'x64') {
    missing.push(
      `Linux on x86-64 is required, this is ${process.platform} on ${process.arch}: ` +
        'use the container of docker-compose.yml',
    )
  }
  if (!answers('python3', ['--version'])) {
    missing.push('python3 is missing: install it, for example `sudo apt-get install python3 python3-pip`')
  } else if (!answers('python3', ['-m', 'pip', '--version'])) {
    missing.push('pip for python3 is missing: install it, for example `sudo apt-get install python3-pip`')
  }
  if (!answers('g++', ['--version'])) {
    missing.push('g++ is missing: install it, for example `sudo apt-get install g++`')
  }
  return missing
}
