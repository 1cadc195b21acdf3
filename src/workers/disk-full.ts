// A full disk, said in words that help.

/** What a person has to mend: the stage goes on when there is room again. */
export class DiskFull extends Error {
  override name = 'DiskFull'
}

/** @returns the error as it is thrown on; no room left becomes DiskFull */
export function explained(error: unknown, home: string): Error {
  const known = error instanceof Error ? error : new Error(String(error))
  const { code } = known as NodeJS.ErrnoException
  if (code !== 'ENOSPC' && code !== 'EDQUOT') return known
  return new DiskFull(`no room is left on the disk that holds ${home} (${known.message}). Nothing finished is lost: make room, e.g. with \`rlaif artifacts gc\`, then retry the stage`, { cause: error })
}
