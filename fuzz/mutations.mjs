// What attackers and mistakes make of a valid value: fields dropped, nulled, renamed, of another type, oversize or
// nested, and hostile texts and numbers in them. The result is JSON text, because some of it exists only there.

const long = (text, times) => text.repeat(times)

/** @param target path of a file whose content must not be shown */
export const hostileTexts = (target = '/etc/hostname') => [
  '',
  ' ',
  '.',
  '..',
  '../../../../etc/passwd',
  '/etc/passwd',
  '/proc/self/environ',
  'file:///proc/self/environ',
  `file://${target}`,
  target,
  '/dev/zero',
  '/dev/stdin',
  '~/.ssh/id_rsa',
  '$HOME/.rlaif/rating.key',
  '..\\..\\windows\\win.ini',
  '/a/%2e%2e/%2e%2e/etc/passwd',
  'file:///store/sft/../../../../etc/passwd',
  `file:///proc/self/environ/sft/${long('0', 64)}`,
  `s3://other-bucket/sft/${long('0', 64)}`,
  'http://user:password@127.0.0.1:9/',
  'http://169.254.169.254/latest/meta-data/',
  'http://127.0.0.1:9/v1?key=x#y',
  'http://[::ffff:169.254.169.254]/',
  'javascript:alert(1)',
  'data:text/html,<fuzz>',
  'hf:../../etc/passwd',
  'hf:datasets/../..@main/x',
  '<fuzz onload=alert(1)>',
  '"><fuzz src=x onerror=alert(1)>',
  '${process.env.SOME_VALUE}',
  '{{ env.SOME_VALUE }}',
  '{{constructor.constructor("return process.env")()}}',
  '$(env)',
  '`env`',
  '%SOME_VALUE%',
  '%s%s%s%n',
  "' OR 1=1 --",
  'a\u0000b',
  '\u0000',
  'a\r\nx-injected: 1\r\n\r\n<fuzz>',
  '\u001b[2J\u001b]0;x\u0007',
  '\ud800',
  'a\udfffb',
  '\u202egnp.exe',
  '\ufeffa',
  'ﷺ'.repeat(50),
  long('😀', 500),
  long('a\u0301', 300),
  '__proto__',
  'constructor',
  'prototype',
  '/_sys/queue',
  'toString',
  'hasOwnProperty',
  'rlaifRefusedPayload',
  '[object Object]',
  'NaN',
  'undefined',
  'null',
  '1e999',
  '-0',
  '0x10',
  long('.', 100_000),
  long(' ', 100_000),
  long('a', 3_000),
  long('a', 300_000),
  long('(', 20_000),
  long('exceeds ', 20_000),
  long('a.', 40_000),
  long('é', 1_500),
  long('/', 10_000),
  `${long('x=', 20_000)}y`,
  `rl.${long('a.', 200)}b`,
  '__proto__.polluted',
  'labeler.__proto__.polluted',
  'constructor.prototype.polluted',
]
const NUMBERS = [
  0,
  -1,
  1,
  0.1,
  -0.5,
  2 ** 31,
  2 ** 31 - 1,
  -(2 ** 31),
  2 ** 32,
  2 ** 53,
  2 ** 53 + 2,
  5e-324,
  1e308,
  1e21,
]
/** Numbers as JSON may write them and JavaScript does not. */
const RAW_NUMBERS = ['1e999', '-1e999', '-0', '1E400', '0.1e-400', long('9', 400), '1.0', long('1', 30_000)]
const KEYS = [
  '__proto__',
  'constructor',
  'toString',
  'a b',
  '',
  'carried',
  'rlaifRefusedPayload',
  'x'.repeat(5_000),
  '\ud800',
  '0',
  '-1',
]

const RAW = '@raw:'
const asRaw = (json) => json.replace(/"@raw:([^"]+)"/g, '$1')

const isGroup = (value) => typeof value === 'object' && value !== null
/** Own fields alone, a field `__proto__` among them. */
const withField = (group, key, value) =>
  Object.defineProperty(group, key, { value, enumerable: true, configurable: true, writable: true })
const copyOf = (value) =>
  Array.isArray(value)
    ? Array.from(value, copyOf)
    : isGroup(value)
      ? Object.entries(value).reduce((copy, [key, of]) => withField(copy, key, copyOf(of)), {})
      : value

/** Every place in a value: what holds it, and under which key. */
function placesIn(value) {
  const places = []
  const visit = (holder) => {
    for (const key of Object.keys(holder)) {
      places.push({ holder, key })
      if (isGroup(holder[key])) visit(holder[key])
    }
  }
  visit(value)
  return places
}

const nested = (value, levels, isList) => {
  let result = value
  for (let i = 0; i < levels; i++) result = isList ? [result] : { a: result }
  return result
}

/** @returns a value of any type, often hostile */
const anyValue = (dice, texts) =>
  dice.pick([
    () => dice.pick(texts),
    () => dice.pick(texts),
    () => dice.pick(NUMBERS),
    () => RAW + dice.pick(RAW_NUMBERS),
    () => dice.pick([null, true, false, [], {}, [[]], [null], { '': null }]),
    () => nested(1, dice.pick([1, 5, 99, 101, 400, 1_500]), dice.oneIn(2)),
    () => Array.from({ length: dice.pick([1, 100, 5_000, 30_000]) }, (_, i) => (i % 7 === 0 ? null : i)),
  ])()

const MUTATIONS = [
  ({ holder, key }) => void delete holder[key],
  ({ holder, key }) => void (holder[key] = null),
  ({ holder, key }, dice, texts) => void withField(holder, key, anyValue(dice, texts)),
  ({ holder, key }, dice, texts) => void withField(holder, key, dice.pick(texts)),
  ({ holder, key }, dice) => void withField(holder, key, dice.pick([...NUMBERS, RAW + dice.pick(RAW_NUMBERS)])),
  ({ holder, key }, dice) => {
    const { [key]: value } = holder
    delete holder[key]
    withField(holder, dice.pick([...KEYS, `${key}s`, key.toUpperCase()]), value)
  },
  ({ holder }, dice, texts) =>
    void withField(holder, dice.pick([...KEYS, dice.pick(texts).slice(0, 5_000)]), anyValue(dice, texts)),
  ({ holder, key }, dice) =>
    void withField(holder, key, nested(holder[key], dice.pick([1, 3, 30, 98, 200]), dice.oneIn(2))),
  ({ holder, key }, dice) => {
    const value = holder[key]
    const times = dice.pick([2, 30, 1_000])
    const isSmall = JSON.stringify(value ?? null).length < 400
    if (typeof value === 'string') holder[key] = (value || 'a').slice(0, 400).repeat(times)
    else if (Array.isArray(value) && value.length > 0 && isSmall)
      holder[key] = Array.from({ length: times }, () => copyOf(value[0]))
    else if (typeof value === 'number') holder[key] = value * times * dice.pick([1, -1, 0.5, 1e15])
  },
  ({ holder, key }, dice) => {
    const value = holder[key]
    if (typeof value === 'string')
      holder[key] = dice.pick([`${value}\u0000`, ` ${value}`, `${value}\n`, value.toUpperCase(), `${value}\ud83d`])
    else if (isGroup(value)) holder[key] = dice.pick([Object.values(value), JSON.stringify(value), [value], {}])
  },
]

/**
 * @param value valid
 * @param texts hostile ones
 * @returns JSON text of the value with one to four mutations; one in eight is left valid
 */
export function mutatedJson(value, dice, texts) {
  const root = { value: copyOf(value) }
  const changes = dice.oneIn(8) ? 0 : 1 + dice.below(dice.pick([1, 2, 4]))
  for (let i = 0; i < changes; i++) {
    const places = placesIn(root)
    // rarely the whole input
    const place = places.length > 1 && !dice.oneIn(20) ? places[1 + dice.below(places.length - 1)] : places[0]
    if (place) dice.pick(MUTATIONS)(place, dice, texts)
  }
  return asRaw(JSON.stringify(root.value ?? null) ?? 'null')
}

/** @returns bytes of a JSON text as a broken or hostile client sends them */
export function damagedBytes(text, dice) {
  const bytes = Buffer.from(text)
  const at = dice.below(bytes.length + 1)
  return dice.pick([
    () => bytes.subarray(0, at),
    () => Buffer.concat([bytes.subarray(0, at), Buffer.from([dice.below(256), 0xff, 0xc0]), bytes.subarray(at)]),
    () => Buffer.concat([bytes, bytes.subarray(at)]),
    () => Buffer.from(`${long('[', dice.pick([10, 1_000, 100_000]))}${text}`),
    () => Buffer.from(`${long('{"a":', dice.pick([10, 1_000, 100_000]))}${text}`),
    () => Buffer.from(text, 'utf16le'),
    () => Buffer.from(text.replaceAll('"', "'")),
  ])()
}
