// Where downloads and imported models are kept, shared by every clone and project on this machine.
import { homedir } from 'node:os'
import { join } from 'node:path'

/** `RLAIF_CACHE` moves it. */
export const cacheFolder = (): string =>
  process.env.RLAIF_CACHE || join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'rlaif')
