// Whether this is a checkout, whose package.json has npm's scripts, or an installed package, which has its command
// alone: messages name what is there.
import { join, relative, sep } from 'node:path'

const isPackage = __dirname.split(sep).includes('node_modules')

/** The command that installs what is missing. @param options of it, e.g. "--engine ray" */
export const setupCommand = (options?: string): string =>
  isPackage ? `npx rlaif setup${options ? ` ${options}` : ''}` : `npm run setup${options ? ` -- ${options}` : ''}`

/** The command that starts everything and runs the quickstart. */
export const startCommand = isPackage ? 'npx rlaif start' : 'npm start'

/** How a person types the command, e.g. in a line to copy. */
export const typedCommand = isPackage ? 'npx rlaif' : 'npm run rlaif --'

/** A page of docs/, which a package does not hold: undefined there. */
export const docsPage = (name: string): string | undefined => (isPackage ? undefined : `docs/${name}`)

/** A folder or file that comes with rlaif, as a person in the current folder names it. */
export const shipped = (name: string): string => relative('.', join(__dirname, '..', name))
