// Options and arguments that take a number or one of several words: read and checked in one way, and named by their flag.
import { Argument, Option } from 'commander'
import { InvalidInput } from '../../contracts/parse'

export interface Range {
  from?: number
  /** Inclusive. */
  to?: number
  /** Whether fractions are taken. */
  fractions?: boolean
  /** What the number counts, e.g. "days". */
  of?: string
}

/** Of every command whose output scripts read: contracts/command-output.ts. */
export const jsonOption = (): Option =>
  new Option('--json', 'print one JSON object, as `rlaif schema --output` describes it')

const PORTS: Range = { from: 0, to: 65_535 }

function meant({ from, to, fractions = false, of }: Range): string {
  const bounds = to !== undefined ? ` from ${from ?? 0} to ${to}` : from !== undefined ? `, ${from} or more` : ''
  return `a ${fractions ? '' : 'whole '}number${of ? ` of ${of}` : ''}${bounds}`
}

/** @throws InvalidInput naming the flag, what it got and what it takes */
export function numberFrom(flag: string, text: string, range: Range): number {
  const { from = -Infinity, to = Infinity, fractions = false } = range
  const value = /^-?\d+(\.\d+)?$/.test(text.trim()) ? Number(text) : NaN
  const isKind = fractions ? value <= Number.MAX_SAFE_INTEGER : Number.isSafeInteger(value)
  if (value >= from && value <= to && isKind) return value
  throw new InvalidInput(`${flag} got "${text}"; it must be ${meant(range)}`)
}

/** An option that takes a number. */
export function numberOption(flags: string, description: string, range: Range, byDefault?: number): Option {
  const option = new Option(flags, description)
  option.argParser((text: string) => numberFrom(option.long!, text, range))
  return byDefault === undefined ? option : option.default(byDefault)
}

/** An option that takes a port; 0 is any free one. */
export const portOption = (flags: string, description: string, byDefault?: number): Option =>
  numberOption(flags, description, PORTS, byDefault)

/** An option that takes one of several words, which help and completion list. */
export function choiceOption(
  flags: string,
  description: string,
  choices: readonly string[],
  byDefault?: string,
): Option {
  const option = new Option(flags, description)
  option.argChoices = [...choices]
  option.argParser((text: string) => oneOf(option.long!, text, choices))
  return byDefault === undefined ? option : option.default(byDefault)
}

/** @throws InvalidInput naming the flag or argument, what it got and what there is */
export function oneOf(name: string, text: string, choices: readonly string[]): string {
  if (choices.includes(text)) return text
  throw new InvalidInput(`${name} got "${text}"; there are ${choices.join(', ')}`)
}

/** An argument that takes one of several words. */
export function choiceArgument(name: string, description: string, choices: readonly string[]): Argument {
  const argument = new Argument(name, description)
  argument.argChoices = [...choices]
  return argument.argParser((text: string) => oneOf(name, text, choices))
}
