// Valid values of a zod schema, by walking it: what a form or a program would send.

/** Texts that fields with a pattern or a refinement take; the ones that fit are found by trying. */
const TEXTS = [
  'default',
  'a',
  'summarization',
  'harmless',
  'policy',
  'world:',
  'world:policy',
  'world:summaries?rows=40',
  'http://127.0.0.1:9/v1',
  'https://labeler.example/v1',
  'RLAIF_NOTIFY_URL',
  'OPENAI_API_KEY',
  'rater-1',
  'rl.klWeight',
  'labeler.preamble',
  'seed',
  'evaluate.winRate',
  '2026-01-01',
  '30 2 * * *',
  '0123456789abcdef'.repeat(4),
  `file:///store/sft/${'0123456789abcdef'.repeat(4)}`,
  `s3://bucket/rl/${'0123456789abcdef'.repeat(4)}`,
  'hf:owner/name',
  'Ünïcode 日本 😀',
]
const NUMBERS = [0, 1, 2, 3, 0.5, 0.05, 1e-5, 4, 8, 16, 100, 1000]
const MOST_ITEMS = 3
const DEEPEST = 14

/**
 * @param schema of zod
 * @param dice random choices
 * @param inner schemas of fields that take any value because another schema checks them later, by the field's name
 * @returns a value that fits the schema; where refinements tie fields together, perhaps nearly
 */
export function validValue(schema, dice, inner = {}) {
  const at = (given, name, depth) => {
    const { def } = given._zod
    const maker = depth > DEEPEST ? undefined : MAKERS[def.type]
    return maker ? maker(def, { at: (next, key) => at(next, key, depth + 1), dice, given, name, inner }) : null
  }
  return at(schema, undefined, 0)
}

const fits = (schema, value) => schema.safeParse(value).success
function fitting(candidates, { dice, given }) {
  const from = dice.below(candidates.length)
  for (let i = 0; i < candidates.length; i++) {
    const value = candidates[(from + i) % candidates.length]
    if (fits(given, value)) return value
  }
  return candidates[from]
}

const innerType = ({ innerType }, { at, name }) => at(innerType, name)
/** One in three: an input of a person names few fields. */
const maybe = (def, context) => (context.dice.oneIn(3) ? innerType(def, context) : undefined)

const MAKERS = {
  object: ({ shape }, { at, dice }) => {
    const fields = Object.entries(shape).map(([name, field]) => [name, at(field, name)])
    const given = fields.filter(([name, value]) => value !== undefined && !(name === 'carried' && !dice.oneIn(20)))
    return Object.fromEntries(given)
  },
  string: (_, context) => fitting(TEXTS, context),
  number: (_, context) => {
    const { minimum, maximum } = context.given._zod.bag
    const edges = [minimum, maximum].filter((edge) => Number.isFinite(edge))
    return fitting(context.dice.oneIn(4) && edges.length > 0 ? edges : NUMBERS, context)
  },
  boolean: (_, { dice }) => dice.oneIn(2),
  null: () => null,
  literal: ({ values }, { dice }) => dice.pick(values),
  enum: ({ entries }, { dice }) => dice.pick(Object.values(entries)),
  array: ({ element }, { at, dice }) =>
    Array.from({ length: 1 + dice.below(MOST_ITEMS) }, () => at(element)).filter((item) => item !== undefined),
  tuple: ({ items }, { at }) => items.map((item) => at(item)),
  record: ({ keyType, valueType }, { at, dice, name, inner }) =>
    inner[name]
      ? someOf(at(inner[name]), dice)
      : Object.fromEntries(
          Array.from({ length: 1 + dice.below(MOST_ITEMS) }, () => [String(at(keyType)), at(valueType)]),
        ),
  union: ({ options }, { at, dice, name }) => at(dice.pick(options), name),
  pipe: (def, { at, name }) => at(def.in._zod.def.type === 'transform' ? def.out : def.in, name),
  transform: () => undefined,
  optional: maybe,
  default: maybe,
  prefault: maybe,
  nullable: innerType,
  lazy: ({ getter }, { at, name }) => at(getter(), name),
  unknown: (_, { dice }) => dice.pick([0.1, 'text', true, null, { a: [1] }, ['x'], 20]),
  any: () => 1,
}

/** Some fields of a record. */
const someOf = (record, dice) => Object.fromEntries(Object.entries(record ?? {}).filter(() => !dice.oneIn(3)))
