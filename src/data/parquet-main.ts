// The program of a process that reads one Parquet file, open as its standard input, and writes its rows as JSON lines.
// A file names sizes of its own choosing; the process that asked (parquet.ts) ends this one when it takes too much.
import { once } from 'node:events'
import { fstatSync, readSync } from 'node:fs'
import type { AsyncBuffer } from 'hyparquet'

const STDIN = 0
/** What the reader unpacks without a further library, which takes its time to load. */
const BUILT_IN = ['UNCOMPRESSED', 'SNAPPY']

const file: AsyncBuffer = {
  byteLength: fstatSync(STDIN).size,
  slice(start, end = fstatSync(STDIN).size) {
    const bytes = new Uint8Array(Math.max(0, Math.min(end, fstatSync(STDIN).size) - start))
    for (let done = 0; done < bytes.length;) {
      const got = readSync(STDIN, bytes, done, bytes.length - done, start + done)
      if (got === 0) throw new Error(`the file ends at byte ${start + done}`)
      done += got
    }
    return bytes.buffer
  },
}

async function writeRows(): Promise<void> {
  const { parquetMetadataAsync, parquetReadObjects } = await import('hyparquet')
  const metadata = await parquetMetadataAsync(file)
  const isPlain = metadata.row_groups.every(({ columns }) =>
    columns.every(({ meta_data: column }) => BUILT_IN.includes(column?.codec ?? '')),
  )
  const { compressors } = isPlain ? { compressors: undefined } : await import('hyparquet-compressors')
  let rowStart = 0
  for (const { num_rows } of metadata.row_groups) {
    const rowEnd = rowStart + Number(num_rows)
    const rows = await parquetReadObjects({ file, metadata, ...(compressors && { compressors }), rowStart, rowEnd })
    for (const row of rows)
      if (!process.stdout.write(`${JSON.stringify(row, asJson)}\n`)) await once(process.stdout, 'drain')
    rowStart = rowEnd
  }
}

/** Integers may be read as bigints, which JSON does not have: long ones are texts, as from JSON. Bytes that are no text have no place in a row. */
function asJson(_: string, value: unknown): unknown {
  if (typeof value === 'bigint') return Number.isSafeInteger(Number(value)) ? Number(value) : String(value)
  return value instanceof Uint8Array ? undefined : value
}

writeRows().catch((error: Error) => {
  process.stderr.write(error.message.slice(0, 500), () => process.exit(1))
})
