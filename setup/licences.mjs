// npm run licences: every package that runs with rlaif and its licence, as docs/licences.md.
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { PROJECT } from './places.mjs'

const { packages } = JSON.parse(readFileSync(join(PROJECT, 'package-lock.json'), 'utf8'))
const shipped = Object.entries(packages).filter(([place, { dev }]) => place !== '' && !dev)

function licenceOf(place) {
  try {
    const { license, licenses } = JSON.parse(readFileSync(join(PROJECT, place, 'package.json'), 'utf8'))
    return typeof license === 'string'
      ? license
      : (license?.type ?? licenses?.map(({ type }) => type).join(' or ') ?? 'not stated')
  } catch {
    return 'for another platform, not installed here'
  }
}

const rows = shipped.map(([place, { version }]) => ({
  name: place.replace(/^.*node_modules\//, ''),
  version,
  licence: licenceOf(place),
}))
const lines = [
  ...new Set(
    rows
      .sort((a, b) => a.name.localeCompare(b.name))
      .map(({ name, version, licence }) => `| ${name} | ${version} | ${licence} |`),
  ),
]
const counts = Object.entries(
  rows.reduce((sum, { licence }) => ({ ...sum, [licence]: (sum[licence] ?? 0) + 1 }), {}),
).sort(([, a], [, b]) => b - a)
writeFileSync(
  join(PROJECT, 'docs', 'licences.md'),
  `# Licences of what runs with rlaif\n\nMade by \`npm run licences\` from the lock file; packages for development are not among them. rlaif itself: Apache-2.0.\n\n${counts.map(([licence, n]) => `${licence}: ${n}`).join(' · ')}\n\n| package | version | licence |\n|---|---|---|\n${lines.join('\n')}\n\nSet-up fetches beside them: TensorFlow (Apache-2.0), the Temporal server and command (MIT), SmolLM2-135M-Instruct (Apache-2.0).\n`,
)
