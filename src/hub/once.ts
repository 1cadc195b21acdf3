// One download at a time of what several runs ask for at once: they share the cache.
import { acquireLock, fileLock } from '../file-lock'

/**
 * @param place in the cache where it goes
 * @param name for the message to who waits
 * @param download looks first whether another process has finished it
 */
export async function downloadOnce<T>(place: string, name: string, download: () => Promise<T>): Promise<T> {
  const say = () => void process.stderr.write(`${name} is being downloaded by another run; this one waits for it\n`)
  const lock = await acquireLock(fileLock(`${place}.lock`), undefined, say)
  try {
    return await download()
  } finally {
    await lock.release()
  }
}
