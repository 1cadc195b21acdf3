// The folder of downloads and imported models, shared by every clone and project on this machine.
import { homedir } from 'node:os'
import { join } from 'node:path'

/** `RLAIF_CACHE` overrides it. */
export const cacheFolder = (): string =>
  process.env.RLAIF_CACHE || join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'rlaif')
