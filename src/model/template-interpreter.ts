// Chat templates come with the models they belong to, from anybody: their work is bounded in steps, memory and time.
import { Environment, Interpreter, parse, tokenize } from '@huggingface/jinja'
import { InvalidInput } from '../contracts/parse'
import { within } from '../time-limit'

/** Characters of the longest source; templates of models have up to some 50,000. */
const MOST_SOURCE = 1_000_000
const MOST_STEPS = 2_000_000
/** What a rendering may make, in characters; an item of a list counts as ten. */
const MOST_MADE = 4_000_000
/** A template may copy every character of the conversation this often. */
const MOST_COPIES = 100
const LONGEST_RANGE = 100_000
/** Of processor time. */
const MOST_MS = 1_000
/** Statements and expressions inside each other. */
const DEEPEST = 300
const PER_ITEM = 10
const TOO_DEEP = 'has too many levels inside each other'

/** The engine's interpreter: its declarations do not resolve. */
interface Engine {
  run(program: unknown): { value: unknown }
  /** Every node of a program is evaluated by this function, which calls itself for those inside. */
  evaluate(node: Node | undefined, environment: Environment): { value: unknown }
  /** What statements write, one after the other: a text. */
  evaluateBlock(statements: readonly Node[], environment: Environment): { value: unknown }
}
interface Node {
  type: string
  /** Statements of a loop. */
  body?: readonly Node[]
}
const EngineInterpreter = Interpreter as unknown as new (environment: Environment) => Engine

type Refuse = (what: string) => never

/** A template that is parsed, to be rendered with variables. */
export type Rendering = (variables: Record<string, unknown>, textLength: number) => string

/**
 * @param name of the template, for messages
 * @returns renders it; `textLength` is the number of characters of the conversation among the variables
 * @throws InvalidInput naming the template when it takes more than a template of a model may
 */
export function openTemplate(source: string, name: string): Rendering {
  const refuse: Refuse = (what) => {
    throw new InvalidInput(
      `tokenizer: ${name} ${what}; it is faulty or hostile: use the template of the model's authors`,
    )
  }
  if (source.length > MOST_SOURCE) refuse(`has ${source.length} characters, more than ${MOST_SOURCE}`)
  const program = bounded(MOST_MS, refuse, () => parse(tokenize(source, { lstrip_blocks: true, trim_blocks: true })))
  return (variables, textLength) => {
    const milliseconds = MOST_MS + Math.ceil(textLength / 50)
    return bounded(milliseconds, refuse, () => {
      const environment = globals(refuse)
      for (const [key, value] of Object.entries(variables)) environment.set(key, value)
      const interpreter = new BoundedInterpreter(environment, MOST_MADE + MOST_COPIES * textLength, refuse)
      return String(interpreter.run(program).value)
    })
  }
}

function bounded<T>(milliseconds: number, refuse: Refuse, work: () => T): T {
  try {
    return within(milliseconds, work, () => refuse(`takes more than ${milliseconds / 1000} s of processor time`))
  } catch (error) {
    if ((error as Error).name !== 'RangeError') throw error
    return refuse(`${TOO_DEEP}, or makes a text without end`) // the stack, or the length of a string
  }
}

/** `{% break %}` or `{% continue %}` on its way to the loop it ends. */
interface Jump {
  isBreak: boolean
  /** What was written in this round of the loop before. */
  written: string
}

/**
 * Counts what is evaluated and what that makes. The engine drops what a round of a loop wrote before `{% continue %}`
 * or `{% break %}`, such as a system turn; here it stays, as in Jinja.
 */
class BoundedInterpreter extends EngineInterpreter {
  /** By the error that the engine throws for it. */
  private readonly jumps = new WeakMap<object, Jump>()
  private readonly loopBodies = new WeakSet<readonly Node[]>()
  /** What the round that ended the innermost loop wrote. */
  private brokenOff = ''
  private steps = 0
  private made = 0
  private depth = 0

  constructor(
    environment: Environment,
    private readonly mostMade: number,
    private readonly refuse: Refuse,
  ) {
    super(environment)
  }

  override evaluate(node: Node | undefined, environment: Environment): { value: unknown } {
    if (++this.steps > MOST_STEPS) this.refuse(`takes more than ${MOST_STEPS} steps`)
    if (++this.depth > DEEPEST) this.refuse(TOO_DEEP)
    const value = this.evaluateInside(node, environment)
    this.made += sizeOf(value.value)
    if (this.made > this.mostMade) this.refuse(`makes more than ${this.mostMade} characters`)
    return value
  }

  private evaluateInside(node: Node | undefined, environment: Environment): { value: unknown } {
    const type = node?.type // the ends of a slice may be left out
    if (type === 'For') this.loopBodies.add(node!.body!)
    try {
      const value = super.evaluate(node, environment)
      return type === 'For' ? this.withBrokenOff(value) : value
    } catch (error) {
      const isBreak = type === 'Break'
      if (isBreak || type === 'Continue') this.jumps.set(error as object, { isBreak, written: '' })
      throw error
    } finally {
      this.depth-- // `break` and `continue` are errors to the engine
    }
  }

  override evaluateBlock(statements: readonly Node[], environment: Environment): { value: unknown } {
    const block = super.evaluateBlock([], environment) // an empty text
    for (const statement of statements)
      try {
        block.value = `${String(block.value)}${String(super.evaluateBlock([statement], environment).value)}`
      } catch (error) {
        const jump = this.jumps.get(error as object)
        if (!jump) throw error
        jump.written = String(block.value) + jump.written
        if (!this.loopBodies.has(statements)) throw error
        if (jump.isBreak) {
          this.brokenOff = jump.written
          throw error
        }
        block.value = jump.written
        return block
      }
    return block
  }

  private withBrokenOff(loop: { value: unknown }): { value: unknown } {
    loop.value = String(loop.value) + this.brokenOff
    this.brokenOff = ''
    return loop
  }
}

function sizeOf(value: unknown): number {
  if (typeof value === 'string') return value.length
  if (Array.isArray(value)) return PER_ITEM * value.length
  return value instanceof Map ? PER_ITEM * value.size : 0
}

/** What every template sees, as in the engine's own `setupGlobals`, which it does not export. */
function globals(refuse: Refuse): Environment {
  const environment = new Environment()
  const raise = (message: string) => {
    throw new Error(message)
  }
  const values = { false: false, true: true, none: null, False: false, True: true, None: null }
  for (const [name, value] of Object.entries(values)) environment.set(name, value)
  environment.set('raise_exception', raise)
  environment.set('range', (start: number, stop?: number, step = 1) => range(start, stop, step, refuse))
  return environment
}

/** Python's range as a list. */
function range(start: number, stop: number | undefined, step: number, refuse: Refuse): number[] {
  if (step === 0) throw new Error('range() step must not be zero')
  const [from, to] = stop === undefined ? [0, start] : [start, stop]
  const length = Math.max(0, Math.ceil((to - from) / step)) || 0
  if (length > LONGEST_RANGE) refuse(`asks for a range of ${length} numbers, more than ${LONGEST_RANGE}`)
  return Array.from({ length }, (_, i) => from + i * step)
}
