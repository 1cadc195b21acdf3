// Rows between stages: one JSON object a line.
import { readFileSync, writeFileSync } from 'node:fs'
import type { z } from 'zod'

export function writeJsonl(file: string, rows: readonly unknown[]): void {
  writeFileSync(file, rows.map((row) => `${JSON.stringify(row)}\n`).join(''))
}

export function readJsonl<T extends z.ZodType>(file: string, schema: T): z.output<T>[] {
  return readFileSync(file, 'utf8')
    .split('\n')
    .filter(Boolean)
    .map((line, i) => {
      const parsed = schema.safeParse(JSON.parse(line))
      if (!parsed.success) throw new Error(`artifact: ${file} line ${i + 1} is not as this version writes it: ${parsed.error.issues[0]?.message}`)
      return parsed.data
    })
}
