/** Where the studio is, unless told otherwise. */
export const STUDIO_PORT = 8400
