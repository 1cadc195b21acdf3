// How an action that ends in its own way sets the exit code.

export const exitWith = (code: number): void => void (process.exitCode = code)
