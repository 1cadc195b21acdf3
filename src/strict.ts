/**
 * Whether this process serves a shared machine or a team (`RLAIF_STRICT=1`): then nothing is allowed that is not listed.
 * Inputs name files below `RLAIF_DATA_ROOTS` only, endpoints and keys come from `RLAIF_ENDPOINTS` only, payloads are
 * encrypted, and every server asks for a token.
 */
export const isStrict = (environment: Readonly<Record<string, string | undefined>> = process.env): boolean =>
  environment.RLAIF_STRICT === '1'
