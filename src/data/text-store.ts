// Texts that may be more than memory holds: appended one by one, and read by their places. The first ones stay in memory;
// when there are many, they go to a file that ends with the store.
import { closeSync, mkdtempSync, openSync, readSync, rmSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** Bytes that are kept in memory. */
const BYTES_IN_MEMORY = 16 * 2 ** 20

export interface TextPlace {
  start: number
  bytes: number
}

export class TextStore {
  private open: Buffer[] = []
  private openBytes = 0
  private writtenBytes = 0
  private file: { handle: number; folder: string } | undefined

  append(text: string): TextPlace {
    const bytes = Buffer.from(text)
    const place = { start: this.writtenBytes + this.openBytes, bytes: bytes.length }
    this.open.push(bytes)
    this.openBytes += bytes.length
    if (this.openBytes > BYTES_IN_MEMORY) this.write()
    return place
  }

  read({ start, bytes }: TextPlace): string {
    if (start < this.writtenBytes) return this.written(start, bytes)
    if (this.open.length > 1) this.open = [Buffer.concat(this.open)]
    const from = start - this.writtenBytes
    return this.open[0]!.toString('utf8', from, from + bytes)
  }

  close(): void {
    if (!this.file) return
    closeSync(this.file.handle)
    rmSync(this.file.folder, { recursive: true, force: true })
  }

  private write(): void {
    this.file ??= newFile()
    for (const bytes of this.open)
      for (let done = 0; done < bytes.length;) done += writeSync(this.file.handle, bytes, done, bytes.length - done)
    this.writtenBytes += this.openBytes
    ;[this.open, this.openBytes] = [[], 0]
  }

  private written(start: number, length: number): string {
    const bytes = Buffer.alloc(length)
    for (let done = 0; done < length;) {
      const got = readSync(this.file!.handle, bytes, done, length - done, start + done)
      if (got === 0) throw new Error(`data: the file of rows in ${this.file!.folder} was cut while it was read`)
      done += got
    }
    return bytes.toString('utf8')
  }
}

function newFile(): { handle: number; folder: string } {
  const folder = mkdtempSync(join(tmpdir(), 'rlaif-rows-'))
  return { folder, handle: openSync(join(folder, 'rows'), 'w+', 0o600) }
}
