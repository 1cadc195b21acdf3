// Where a worker keeps its files: RLAIF_HOME, or `.rlaif` in the current folder.
import { resolve } from 'node:path'

export const homeFolder = (): string => resolve(process.env.RLAIF_HOME || '.rlaif')
