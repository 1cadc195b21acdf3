// How numbers are written, for every page, table and line that a person reads: fixed decimals, "–" where a number is
// undefined, a minus sign that is one, and no line break between a number and its unit.

/** A number to show; what is undefined, null or not finite is shown as "–". */
export type Shown = number | null | undefined

const UNDEFINED = '–'
/** Keeps a number and its unit on one line. */
const NO_BREAK = '\u00a0'

export const isDefined = (value: Shown): value is number => typeof value === 'number' && Number.isFinite(value)

/** Digits with a comma between thousands. */
const inThousands = (digits: string): string =>
  digits.length > 3 && /^\d+$/.test(digits) ? `${inThousands(digits.slice(0, -3))},${digits.slice(-3)}` : digits

/** With its sign as "−", thousands set apart by commas, and always as many decimals. */
export function formatNumber(value: Shown, decimals: number): string {
  if (!isDefined(value)) return UNDEFINED
  const [whole, rest] = Math.abs(value).toFixed(decimals).split('.') as [string, string?]
  const digits = [inThousands(whole), ...(rest === undefined ? [] : [rest])].join('.')
  return value < 0 && /[1-9]/.test(digits) ? `−${digits}` : digits
}

/** A whole number, of things or of steps. */
export const formatCount = (value: Shown): string => formatNumber(value, 0)

/** Things and how many: "1 pair", "2,312 pairs". @param plural where it is not the noun with an "s" */
export const counted = (value: Shown, noun: string, plural = `${noun}s`): string =>
  `${formatCount(value)} ${value === 1 ? noun : plural}`

/** The verb that goes with a count. */
export const isOrAre = (count: number): string => (count === 1 ? 'is' : 'are')

/** Of this size and above, a number of unknown meaning has three decimals or fewer, and below it two digits. */
const SMALL = 0.001
/** Below, not even its zeros could be counted. */
const TINY = 1e-6
const SUPERSCRIPT = '⁰¹²³⁴⁵⁶⁷⁸⁹'

/** A number of which nothing is known: a whole one as such, others with the decimals that its size calls for. */
export function formatFigure(value: Shown): string {
  if (!isDefined(value)) return UNDEFINED
  if (Number.isInteger(value)) return formatNumber(value, 0)
  const size = Math.abs(value)
  if (size >= SMALL) return formatNumber(value, size >= 1000 ? 0 : size >= 100 ? 1 : 3)
  return size >= TINY ? formatNumber(value, 1 - Math.floor(Math.log10(size))) : formatPower(value)
}

/** As 1.2 × 10⁻⁹. */
function formatPower(value: number): string {
  const [digits, power] = value.toExponential(1).split('e') as [string, string]
  const raised = power.replace('-', '⁻').replace(/\d/g, (digit) => SUPERSCRIPT[Number(digit)]!)
  return `${digits.replace('-', '−')}${NO_BREAK}×${NO_BREAK}10${raised}`
}

/** A value of a setting: as exactly as it was given, and never as 1e-5. */
export function formatSetting(value: number): string {
  const [digits, power] = String(value).split('e') as [string, string?]
  if (power === undefined) return digits.replace('-', '−')
  const decimals = (digits.split('.')[1] ?? '').length - Number(power)
  return value.toFixed(Math.min(100, Math.max(0, decimals))).replace('-', '−')
}

/** A number and its unit, which stay on one line. */
export const withUnit = (number: string, unit: string): string =>
  number === UNDEFINED ? number : `${number}${NO_BREAK}${unit}`

/** A share from 0 to 1, in percent. */
export const formatPercent = (share: Shown, decimals = 0): string =>
  withUnit(formatNumber(isDefined(share) ? 100 * share : share, decimals), '%')

/** The two ends of an interval, each already written; with "to" where a dash would stand before a minus sign. */
export const formatRange = (low: string, high: string): string =>
  low === UNDEFINED || high === UNDEFINED ? '' : `${low}${/−/.test(low + high) ? ' to ' : '–'}${high}`

/** The ends of the interval of a share, in percent without the sign, which the share has. */
export const formatPercentRange = (low: Shown, high: Shown, decimals = 0): string => {
  const [from, to] = [low, high].map((end) => formatNumber(isDefined(end) ? 100 * end : end, decimals))
  return formatRange(from!, to!)
}

/** A p-value. */
export const formatP = (p: Shown): string => (isDefined(p) && p < 0.001 ? `<${NO_BREAK}0.001` : formatNumber(p, 3))

/** A p-value in a sentence: "p = 0.012", "p < 0.001". */
export const pInWords = (p: Shown): string =>
  `p${NO_BREAK}${isDefined(p) && p < 0.001 ? formatP(p) : `=${NO_BREAK}${formatP(p)}`}`

/** Money, in the currency of the prices that were given. */
export function formatCost(cost: Shown): string {
  const size = Math.abs(cost ?? 0)
  if (size > 0 && size < SMALL) return formatFigure(cost)
  return formatNumber(cost, size === 0 || size >= 1 ? 2 : 4)
}

/** A time in seconds as people say it: "8.3 s", "4 min 05 s", "2 h 03 min". */
export function formatDuration(seconds: Shown): string {
  if (!isDefined(seconds)) return UNDEFINED
  if (seconds < 59.5) return withUnit(formatNumber(seconds, seconds < 9.95 ? 1 : 0), 's')
  const whole = Math.round(seconds)
  if (whole < 3600) return `${twoUnits(Math.floor(whole / 60), 'min', whole % 60, 's')}`
  const minutes = Math.round(whole / 60)
  return twoUnits(Math.floor(minutes / 60), 'h', minutes % 60, 'min')
}

const twoUnits = (large: number, largeUnit: string, small: number, smallUnit: string): string =>
  [formatCount(large), largeUnit, String(small).padStart(2, '0'), smallUnit].join(NO_BREAK)

const SIZES: readonly [bytes: number, unit: string, decimals: number][] = [
  [1e9, 'GB', 1],
  [1e6, 'MB', 1],
  [1e3, 'kB', 0],
]

/** A size in bytes. */
export function formatBytes(bytes: Shown): string {
  const [size, unit, decimals] = SIZES.find(([size]) => isDefined(bytes) && bytes >= size) ?? [
    1,
    bytes === 1 ? 'byte' : 'bytes',
    0,
  ]
  return withUnit(formatNumber(isDefined(bytes) ? bytes / size : bytes, decimals), unit)
}
