// The folders of downloads and imported models, shared by every clone and project on this machine.
import { homedir } from 'node:os'
import { join } from 'node:path'

/** Written by every process: models and datasets of the Hub, imported and made models. `RLAIF_CACHE` overrides it. */
export const cacheFolder = (): string =>
  process.env.RLAIF_CACHE || join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'rlaif')

/**
 * What set-up installed, the default model among it. In the worker's image `RLAIF_INSTALLED` names a folder that is only
 * read, so that a volume for the cache may begin empty; elsewhere it is the cache.
 */
export const installedFolder = (): string => process.env.RLAIF_INSTALLED || cacheFolder()
