// npm run pack -- [arguments of npm pack]: makes the package with npm-shrinkwrap.json in it, from which npm installs what
// the package needs: the versions and digests of package-lock.json, without what only development needs. The lock file
// itself is never part of a package.
import { spawnSync } from 'node:child_process'
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { PROJECT } from '../setup/places.mjs'

const shrinkwrap = join(PROJECT, 'npm-shrinkwrap.json')

function pinned() {
  const { packages, ...lock } = JSON.parse(readFileSync(join(PROJECT, 'package-lock.json'), 'utf8'))
  const { '': root, ...others } = packages
  delete root.devDependencies
  return {
    ...lock,
    packages: { '': root, ...Object.fromEntries(Object.entries(others).filter(([, { dev }]) => !dev)) },
  }
}

writeFileSync(shrinkwrap, JSON.stringify(pinned(), null, 2))
try {
  const { status } = spawnSync('npm', ['pack', ...process.argv.slice(2)], { cwd: PROJECT, stdio: 'inherit' })
  process.exitCode = status ?? 1
} finally {
  rmSync(shrinkwrap) // in a clone, npm would take it for the lock file
}
