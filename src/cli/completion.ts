// What a shell offers at Tab: commands, options, the words that they take, workflows, and runs and schedules as Temporal
// knows them. The shells' parts are in completion-scripts.ts; they print what `rlaif complete <line>` answers.
import type { Argument, Command, Option } from 'commander'
import { workflowSchemas } from '../contracts/workflow-inputs'
import { shellWords } from './shell-words'

export interface Candidate {
  value: string
  about?: string | undefined
}

/** Candidates for the last word of a line, or that it is a path, which shells complete themselves. */
export type Completion = Candidate[] | 'paths'

/** Lists that are asked of Temporal. */
export interface ServerLists {
  /** Ids of runs that begin so, of the kind that a command takes. */
  runs(prefix: string, command: string): Promise<string[]>
  schedules(prefix: string): Promise<string[]>
}

/** Names of arguments and of values of options that are paths. */
const PATHS = new Set(['file', 'files', 'folder', 'path', 'model'])

/** @param line what has been typed, from the name of the program to the cursor */
export async function complete(program: Command, line: string, lists: ServerLists): Promise<Completion> {
  const [, ...words] = shellWords(line)
  const current = words.pop() ?? ''
  const { command, option, given } = positionAfter(program, words)
  if (option) return valuesOf(option, current, command, lists)
  if (current.startsWith('-')) return optionsFor(command, current, lists)
  if (given === 0 && command.commands.length > 0) return commandsOf(command, current)
  const { registeredArguments: taken } = command
  const argument = taken[given] ?? (taken.at(-1)?.variadic ? taken.at(-1) : undefined)
  return argument ? valuesOf(argument, current, command, lists) : []
}

interface Position {
  command: Command
  /** The option whose value comes next. */
  option: Option | undefined
  /** Number of arguments that the command has got. */
  given: number
}

function positionAfter(program: Command, words: readonly string[]): Position {
  const at: Position = { command: program, option: undefined, given: 0 }
  for (const word of words) {
    const below = at.given === 0 ? at.command.commands.find((one) => one.name() === word) : undefined
    if (at.option) at.option = undefined
    else if (word.startsWith('-'))
      at.option = word.includes('=') ? undefined : takingValue(optionNamed(at.command, word))
    else if (below) at.command = below
    else at.given++
  }
  return at
}

const optionNamed = ({ options }: Command, flag: string) =>
  options.find(({ long, short }) => long === flag || short === flag)
const takingValue = (option: Option | undefined) => (option?.required ? option : undefined)

async function optionsFor(command: Command, current: string, lists: ServerLists): Promise<Completion> {
  const equals = current.indexOf('=')
  if (equals < 0)
    return command
      .createHelp()
      .visibleOptions(command)
      .flatMap(({ long, description }) => (long?.startsWith(current) ? [{ value: long, about: description }] : []))
  const flag = current.slice(0, equals)
  const option = takingValue(optionNamed(command, flag))
  const values = option ? await valuesOf(option, current.slice(equals + 1), command, lists) : []
  return values === 'paths' ? values : values.map(({ value, about }) => ({ value: `${flag}=${value}`, about }))
}

const commandsOf = (command: Command, current: string): Candidate[] =>
  command
    .createHelp()
    .visibleCommands(command)
    .filter((below) => below.name().startsWith(current))
    .map((below) => ({ value: below.name(), about: below.description() }))

async function valuesOf(
  of: Option | Argument,
  current: string,
  command: Command,
  { runs, schedules }: ServerLists,
): Promise<Completion> {
  const name = nameOfValue(of)
  if (of.argChoices) return matching(of.argChoices, current)
  if (name === 'workflow') return matching(Object.keys(workflowSchemas), current)
  if (name === 'run') return matching(await runs(current, command.name()), current)
  if (name === 'schedule') return matching(await schedules(current), current)
  return PATHS.has(name) ? 'paths' : []
}

/** The name in an option's flags, as "file" of "--input <file|json>", or an argument's own. */
const nameOfValue = (of: Option | Argument): string =>
  'flags' in of ? (/[<[]([\w-]+)/.exec(of.flags)?.[1] ?? '') : of.name()

const matching = (values: readonly string[], current: string): Candidate[] =>
  values.filter((value) => value.startsWith(current)).map((value) => ({ value }))

/** A line for each candidate: the word, a tab, and what it is about; ":paths" alone for paths. */
export const completionLines = (completion: Completion): string[] =>
  completion === 'paths'
    ? [':paths']
    : completion.map(({ value, about }) => (about ? `${value}\t${about.replaceAll(/\s+/g, ' ')}` : value))
