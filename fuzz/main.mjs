// npm run fuzz -- AREA [--count 10000] [--seed 1] [--jobs 2]: hostile inputs of one area of the product, made from valid
// ones by a seed. It prints every finding, and the worst time and memory. Exit code 0 means that there is no finding.
import { availableParallelism } from 'node:os'
import { parseArgs } from 'node:util'

/** What can be fuzzed: a module with `describe`, a line, and `fuzz({ count, seed, jobs })`, the findings. */
const AREAS = {
  files: () => import('./files.mjs'),
  http: () => import('./http.mjs'),
  rows: () => import('./rows.mjs'),
  endpoints: () => import('./endpoints.mjs'),
  workflows: () => import('./workflows.mjs'),
}

const help = async () => `npm run fuzz -- AREA [--count 10000] [--seed 1] [--jobs N]

${(await Promise.all(Object.entries(AREAS).map(async ([name, load]) => `  ${name}     ${(await load()).describe}`))).join('\n')}

  --count   number of inputs
  --seed    seed that they are made from; the same seed makes the same inputs
  --jobs    processes that read inputs at the same time; default: the number of cores`

const { values: flags, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    count: { type: 'string', default: '10000' },
    seed: { type: 'string', default: '1' },
    jobs: { type: 'string', default: String(availableParallelism()) },
    help: { type: 'boolean' },
  },
})
const [area] = positionals
if (flags.help || !Object.hasOwn(AREAS, area ?? '')) {
  console.log(await help())
  process.exit(flags.help ? 0 : 1)
}
const { fuzz } = await AREAS[area]()
const findings = await fuzz({ count: Number(flags.count), seed: Number(flags.seed), jobs: Number(flags.jobs) })
for (const finding of findings) console.log(`✗ ${finding}`)
console.log(findings.length === 0 ? '✓ no finding' : `${findings.length} findings`)
process.exit(findings.length === 0 ? 0 : 1)
