// Where a worker keeps things: RLAIF_HOME, or `.rlaif` in the current folder.
import { join, resolve } from 'node:path'

export const homeFolder = (): string => resolve(process.env.RLAIF_HOME || '.rlaif')
export const storeFolder = (home: string): string => join(home, 'store')
