/** @returns a port of 127.0.0.1 that nothing listens at */
export function freePort(): Promise<number>
