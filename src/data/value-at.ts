// Values in a row by the names of fields: "question", or a path such as "question.text" and "completions[].score".
const LIST = '[]'

/** @returns the value, a list of them for a path through a list, or undefined where there is none */
export function valueAt(row: unknown, path: string): unknown {
  const whole = fieldOf(row, path)
  return whole === undefined ? along(row, path.split('.')) : whole
}

function along(value: unknown, [name, ...rest]: readonly string[]): unknown {
  if (name === undefined) return value
  if (!name.endsWith(LIST)) return along(fieldOf(value, name), rest)
  const list = fieldOf(value, name.slice(0, -LIST.length))
  return Array.isArray(list) ? list.map((item) => along(item, rest)) : undefined
}

const fieldOf = (value: unknown, name: string): unknown =>
  typeof value === 'object' && value !== null && Object.hasOwn(value, name)
    ? (value as Record<string, unknown>)[name]
    : undefined
