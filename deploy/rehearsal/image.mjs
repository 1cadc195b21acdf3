// The worker image's files, by the steps of its Dockerfile.
import { execFileSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { PROJECT } from '../../setup/places.mjs'

/** Runs the worker image's build steps in a folder, unless they were run there before. */
export function buildImage(image) {
  if (existsSync(join(image, 'dist'))) return
  mkdirSync(join(image, 'deploy'), { recursive: true })
  for (const name of [
    'package.json',
    'package-lock.json',
    '.npmrc',
    'setup',
    'tsconfig.json',
    'tsconfig.build.json',
    'src',
    'pages',
    'tasks',
    'engines',
    'deploy/image.sh',
    'deploy/door.mjs',
    'deploy/ui-door.mjs',
    'deploy/s3',
    'schedules',
  ])
    cpSync(join(PROJECT, name), join(image, name), { recursive: true })
  execFileSync('sh', ['deploy/image.sh'], {
    cwd: image,
    env: { ...process.env, RLAIF_CACHE: join(image, 'cache'), TEMPORAL_ADDRESS: 'elsewhere:7233' },
    stdio: ['ignore', 'ignore', 'inherit'],
  })
}
