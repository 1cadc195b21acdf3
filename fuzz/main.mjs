// npm run fuzz -- AREA [--count 10000] [--seed 1] [--jobs 2]: hostile inputs of one area of the product, made from valid
// ones by a seed. It prints every finding, and the worst time and memory. Exit code 0 means that there is no finding.
import { availableParallelism } from 'node:os'
import { readFlags, refuse } from '../setup/flags.mjs'

/** What can be fuzzed: a module with `describe`, a line, and `fuzz({ count, seed, jobs })`, the findings. */
const AREAS = {
  files: () => import('./files.mjs'),
  http: () => import('./http.mjs'),
  rows: () => import('./rows.mjs'),
  endpoints: () => import('./endpoints.mjs'),
  workflows: () => import('./workflows.mjs'),
}

const HELP = `npm run fuzz -- AREA [--count 10000] [--seed 1] [--jobs N]

${(await Promise.all(Object.entries(AREAS).map(async ([name, load]) => `  ${name}     ${(await load()).describe}`))).join('\n')}

  --count   number of inputs
  --seed    seed that they are made from; the same seed makes the same inputs
  --jobs    processes that read inputs at the same time; default: the number of cores`

const options = {
  count: { type: 'string', number: true, default: 10000 },
  seed: { type: 'string', number: true, default: 1 },
  jobs: { type: 'string', number: true, default: availableParallelism() },
}
const { values: flags, positionals } = readFlags('npm run fuzz --', options, { most: 1, help: HELP })
const [area] = positionals
if (!Object.hasOwn(AREAS, area ?? '')) {
  const fault = area === undefined ? 'name an area' : `there is no area "${area}"`
  refuse(`npm run fuzz --: ${fault}; there are ${Object.keys(AREAS).join(', ')}`)
}
const { fuzz } = await AREAS[area]()
const findings = await fuzz(flags)
for (const finding of findings) console.log(`✗ ${finding}`)
console.log(findings.length === 0 ? '✓ no finding' : `${findings.length} findings`)
process.exit(findings.length === 0 ? 0 : 1)
