// docker-compose.yml as compose reads it: anchors merged, variables filled in.
import { readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { parseYaml } from './yaml'

export const PROJECT = resolve(__dirname, '..', '..')

export interface Service {
  image: string
  command?: string[]
  entrypoint?: string[]
  environment?: Record<string, string>
  networks?: string[]
  ports?: string[]
  volumes?: string[]
  secrets?: string[]
  security_opt?: string[]
  read_only?: boolean
}

export interface Compose {
  services: Record<string, Service>
  networks: Record<string, { internal?: boolean }>
  volumes: Record<string, unknown>
}

const VARIABLE = /\$\{(\w+)(?::([-?])([^}]*))?\}/g

/** @throws with the message that the file gives, as compose does */
const filledIn = (text: string, variables: Readonly<Record<string, string>>): string =>
  text.replace(VARIABLE, (_, name: string, kind: string | undefined, rest: string | undefined) => {
    if (variables[name]) return variables[name]
    if (kind === '?') throw new Error(rest)
    return rest ?? ''
  })

export const composeText = (): string => readFileSync(join(PROJECT, 'docker-compose.yml'), 'utf8')

/** @param variables what .env sets */
export function readCompose(variables: Readonly<Record<string, string>>): Compose {
  const withoutComments = composeText().replace(/^\s*#.*$/gm, '')
  return parseYaml<Compose>(filledIn(withoutComments, variables))[0]!
}

/** The variables without a default, and those of a service that it names. */
export const requiredVariables = (): string[] => [
  ...new Set([...composeText().matchAll(/\$\{(\w+):\?/g)].map(([, name]) => name!)),
]
