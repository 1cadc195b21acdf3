// Python's strftime for a date without a time of day, in English: what chat templates call as strftime_now.

const MONTHS = ['January', 'February', 'March', 'April', 'May', 'June', 'July', 'August', 'September', 'October']
  .concat(['November', 'December']) // prettier-ignore
const DAYS = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday']

const DIRECTIVES: Record<string, (date: Date) => string | number> = {
  Y: (date) => date.getUTCFullYear(),
  y: (date) => padded(date.getUTCFullYear() % 100),
  m: (date) => padded(date.getUTCMonth() + 1),
  d: (date) => padded(date.getUTCDate()),
  e: (date) => String(date.getUTCDate()).padStart(2),
  B: (date) => MONTHS[date.getUTCMonth()]!,
  b: (date) => MONTHS[date.getUTCMonth()]!.slice(0, 3),
  A: (date) => DAYS[date.getUTCDay()]!,
  a: (date) => DAYS[date.getUTCDay()]!.slice(0, 3),
  w: (date) => date.getUTCDay(),
  j: (date) => padded(dayOfYear(date), 3),
  F: (date) => date.toISOString().slice(0, 10),
  H: () => '00',
  I: () => '12',
  M: () => '00',
  S: () => '00',
  p: () => 'AM',
  '%': () => '%',
}

const padded = (number: number, digits = 2) => String(number).padStart(digits, '0')
const dayOfYear = (date: Date) => Math.floor((date.getTime() - Date.UTC(date.getUTCFullYear(), 0, 1)) / 86_400_000) + 1

/**
 * @param isoDate YYYY-MM-DD; the time of day is midnight
 * @param format with Python's directives; "%-d" leaves out leading zeros
 * @throws when a directive is not known, rather than print something else than Python
 */
export function strftime(isoDate: string, format: string): string {
  const date = new Date(`${isoDate}T00:00:00Z`)
  return format.replace(/%(-?)([a-zA-Z%])/g, (directive, unpadded: string, letter: string) => {
    const value = DIRECTIVES[letter]?.(date)
    if (value === undefined) throw new Error(`strftime_now does not know the directive ${directive} in "${format}"`)
    return unpadded ? String(value).replace(/^[0 ]+(?=.)/, '') : String(value)
  })
}
