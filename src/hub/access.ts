// Access to the Hub: its address and token, and where the token may go. The library would also send it where a
// redirect, a page's link or a header of a reply leads.
import { redact } from '../secrets'

const HUB = 'https://huggingface.co'
const MAX_QUOTED = 500

/** HF_TOKEN holds the access token, if one is needed; HF_ENDPOINT the address of another hub. */
export function access(): { hubUrl: string; accessToken?: string; fetch: typeof fetch } {
  const { HF_ENDPOINT, HF_TOKEN: accessToken } = process.env
  const hubUrl = HF_ENDPOINT || HUB
  return { hubUrl, ...(accessToken && { accessToken }), fetch: tokenOnlyTo(new URL(hubUrl).origin, accessToken) }
}

/** Requests that leave out the token when they go to another host. `fetch` itself drops it at redirects to one. */
function tokenOnlyTo(origin: string, token: string | undefined): typeof fetch {
  return (input, init) => {
    const request = new Request(input, init)
    const isForeign = new URL(request.url).origin !== origin
    if (isForeign && token && request.headers.get('authorization')?.includes(token))
      request.headers.delete('authorization')
    return fetch(request)
  }
}

/** What a hub or its library says about a failure: addresses without queries, which may hold signatures. */
export const said = (failure: unknown): string =>
  redact((failure as Error).message)
    .split(/(\s)/)
    .map((word) => (word.includes('://') ? word.split(/[?#]/)[0] : word))
    .join('')
    .slice(0, MAX_QUOTED)
