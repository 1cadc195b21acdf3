// Who may ask: with a token only those who have shown it. A browser shows it once, in a form,
// and gets a cookie; scripts send it with each request (Authorization: Bearer).
import { createHash } from 'node:crypto'
import { getCookie, setCookie } from 'hono/cookie'
import { html } from 'hono/html'
import { hasToken, isSame } from '../http/token'
import { page } from './layout'
import type { StudioApp, StudioContext } from './studio'

export const STUDIO_TOKEN = 'RLAIF_STUDIO_TOKEN'
const COOKIE = 'rlaif-studio'

/** What a browser keeps instead of the token. */
const keptOf = (token: string): string => createHash('sha256').update(`rlaif studio ${token}`).digest('base64url')

export function addToken(app: StudioApp, token: string): void {
  const kept = keptOf(token)
  const mayAsk = (c: StudioContext) => hasToken(c.env.incoming, token) || isSame(getCookie(c, COOKIE) ?? '', kept)
  app.use(async (c, next) => {
    if (mayAsk(c) || c.req.path.startsWith('/assets/') || (c.req.path === '/token' && c.req.method === 'POST'))
      return next()
    return c.html(tokenPage(), 401)
  })
  app.post('/token', async (c) => {
    const { token: given } = await c.req.parseBody()
    if (typeof given !== 'string' || !isSame(given.trim(), token))
      return c.html(tokenPage('That is not the token.'), 401)
    setCookie(c, COOKIE, kept, { httpOnly: true, sameSite: 'Strict', path: '/' })
    return c.redirect('/', 303)
  })
}

const tokenPage = (problem?: string) =>
  page({
    title: 'Token',
    body: html`<h1>Token</h1>
      ${problem === undefined ? '' : html`<p class="problem" role="alert">${problem}</p>`}
      <form method="post" action="/token" class="fields">
        <label
          >Value of ${STUDIO_TOKEN}
          <input name="token" type="password" autocomplete="current-password" required autofocus
        /></label>
        <button>Open the studio</button>
      </form>`,
  })
