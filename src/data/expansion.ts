// What compressed files become is bounded relative to their size: a bomb ends with a message, not with the memory.
import { closeSync, createReadStream, openSync, readSync } from 'node:fs'
import { pipeline } from 'node:stream'
import { createGunzip } from 'node:zlib'
import { InvalidInput } from '../contracts/parse'

/** Largest uncompressed size of a packed file, in bytes. */
const MOST_BYTES = 2 ** 34
/** Uncompressed size that any file may have, in bytes. */
const ALWAYS = 16 * 2 ** 20
/** Texts become five to twenty times as long. */
const MOST_RATIO = 50

/** @throws InvalidInput naming the file and its limit when the chunks are more than a file of `size` bytes may become */
export async function* bounded(
  chunks: AsyncIterable<Uint8Array>,
  size: number,
  path: string,
): AsyncGenerator<Uint8Array> {
  const most = Math.min(MOST_BYTES, Math.max(ALWAYS, MOST_RATIO * size))
  let bytes = 0
  for await (const chunk of chunks) {
    bytes += chunk.length
    if (bytes > most)
      throw new InvalidInput(
        `data: ${path} has ${size} bytes and becomes more than ${most}, ` +
          `the most that is read from it (${ALWAYS} or ${MOST_RATIO} times its size, at most ${MOST_BYTES}); ` +
          'if it is no bomb, unpack or split it',
      )
    yield chunk
  }
}

/** The content of a file, unpacked if it is gzipped. @throws what the file system or zlib reports */
export async function* unpacked(file: string): AsyncGenerator<Uint8Array> {
  const source = createReadStream(file, { highWaterMark: 2 ** 18 })
  if (!isGzip(file)) return yield* source
  const gunzip = createGunzip()
  pipeline(source, gunzip, () => {}) // an error of either ends the iteration below
  yield* gunzip
}

export function isGzip(file: string): boolean {
  const handle = openSync(file, 'r')
  try {
    const first = Buffer.alloc(2)
    readSync(handle, first)
    return first[0] === 0x1f && first[1] === 0x8b
  } finally {
    closeSync(handle)
  }
}
