// Style, scripts and icon of the pages, and the modules that the scripts import: files of this package and of the
// packages that it depends on, as they are. No other file can be asked for.
import { existsSync, readFileSync } from 'node:fs'
import { extname, join, resolve } from 'node:path'
import { setupCommand } from '../installation'
import type { StudioApp } from './studio'

const pages = resolve(__dirname, '..', '..', 'pages')
const TYPES: Record<string, string> = { '.css': 'text/css', '.js': 'text/javascript', '.svg': 'image/svg+xml' }

/** By name: of files in pages/. */
const OWN = ['studio.css', 'studio.js', 'studio-start.js']
const ICON =
  '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16"><path d="M1 14 6 7l3 3 6-8" fill="none" stroke="#3a72c4" stroke-width="2"/></svg>'

/** Modules of packages, by their names in imports: the file in the package. */
const MODULES: Record<string, string> = {
  idiomorph: 'dist/idiomorph.esm.js',
  '@codemirror/autocomplete': 'dist/index.js',
  '@codemirror/commands': 'dist/index.js',
  '@codemirror/lang-json': 'dist/index.js',
  '@codemirror/language': 'dist/index.js',
  '@codemirror/lint': 'dist/index.js',
  '@codemirror/state': 'dist/index.js',
  '@codemirror/streamparser': 'dist/index.js',
  '@codemirror/view': 'dist/index.js',
  '@lezer/common': 'dist/index.js',
  '@lezer/highlight': 'dist/index.js',
  '@lezer/json': 'dist/index.js',
  '@lezer/lr': 'dist/index.js',
  '@marijn/find-cluster-break': 'src/index.js',
  crelt: 'index.js',
  'style-mod': 'src/style-mod.js',
  'w3c-keyname': 'index.js',
}

/** What browsers load for each import of a package's name. */
export const IMPORT_MAP = JSON.stringify({
  imports: Object.fromEntries(Object.keys(MODULES).map((name) => [name, `/assets/modules/${name}.js`])),
})

/** `require.resolve` would find what Node loads, which is another file than the one for browsers. */
function moduleFile(name: string): string {
  const folder = require.resolve.paths(name)!.find((folder) => existsSync(join(folder, name)))
  if (folder === undefined) throw new Error(`studio: the package ${name} is not installed; run \`${setupCommand()}\``)
  return join(folder, name, MODULES[name]!)
}

const files = (): Map<string, () => string | Buffer> =>
  new Map<string, () => string | Buffer>([
    ...OWN.map((name) => [name, () => readFileSync(join(pages, name))] as const),
    ...Object.keys(MODULES).map((name) => [`modules/${name}.js`, () => readFileSync(moduleFile(name))] as const),
    ['icon.svg', () => ICON],
  ])

export function addAssets(app: StudioApp): void {
  const known = files()
  app.get('/assets/*', (c) => {
    const name = c.req.path.slice('/assets/'.length)
    const content = known.get(name)?.()
    if (content === undefined) return c.notFound()
    c.header('content-type', `${TYPES[extname(name)]}; charset=utf-8`)
    c.header('cache-control', 'no-cache')
    return c.body(typeof content === 'string' ? content : new Uint8Array(content))
  })
}
