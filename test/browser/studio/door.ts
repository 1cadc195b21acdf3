// Who may ask the studio, and what its pages may load.
import type { AddressInfo } from 'node:net'
import { ask } from '../../../src/http/ask'
import { openStudio } from '../../../src/studio/server'
import { inAllLooks, type StudioUnderTest } from './open-studio'

export function doorTests(studio: () => StudioUnderTest): void {
  const get = (path: string, headers: Record<string, string> = {}, method = 'GET') =>
    fetch(`${studio().studio}${path}`, { method, headers, redirect: 'manual' })

  test('no page of another site reads it or acts on it, and no other name leads to it', async () => {
    expect((await get('/', { origin: 'https://evil.example' })).status).toBe(403)
    expect((await get('/', { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'cors' })).status).toBe(403)
    expect((await get('/start', { origin: 'https://evil.example' }, 'POST')).status).toBe(403)
    expect((await ask(Number(new URL(studio().studio).port), '/', 'rebound.example')).status).toBe(403)
    expect((await get('/')).status).toBe(200)
  })

  test('pages load scripts of the studio alone, and no file but those of its list can be asked for', async () => {
    const policy = (await get('/')).headers.get('content-security-policy')!
    expect(policy).toMatch(/default-src 'none'.*script-src 'self' 'sha256-[^']+'.*frame-ancestors 'none'/)
    expect(policy).not.toMatch(/script-src[^;]*unsafe/)
    for (const name of ['../package.json', '..%2fpackage.json', 'rating.js', 'modules/hono.js', '%2e%2e/package.json'])
      expect((await get(`/assets/${name}`)).status).toBe(404)
    expect((await get('/assets/studio.js')).headers.get('content-type')).toMatch(/^text\/javascript/)
  })

  test('other machines reach it with a token alone, which a browser shows once', async () => {
    const open = () => openStudio({ connected: undefined as never, home: '/nowhere' }, { host: '0.0.0.0', port: 0 })
    expect(open).toThrow('set RLAIF_STUDIO_TOKEN')
    process.env.RLAIF_STUDIO_TOKEN = 'a word'
    const server = await open().finally(() => delete process.env.RLAIF_STUDIO_TOKEN)
    const send = (path: string, init: RequestInit = {}) =>
      fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}${path}`, { redirect: 'manual', ...init })
    const login = (token: string) => send('/token', { method: 'POST', body: new URLSearchParams({ token }) })
    const refused = await send('/start')
    expect([refused.status, await refused.text()]).toEqual([
      401,
      expect.stringContaining('Value of RLAIF_STUDIO_TOKEN'),
    ])
    expect((await send('/start', { method: 'POST' })).status).toBe(401)
    expect((await login('another')).status).toBe(401)
    const cookie = (await login('a word')).headers.get('set-cookie')!
    expect(cookie).toMatch(/HttpOnly; SameSite=Strict$/)
    expect(cookie).not.toContain('word')
    expect((await send('/start', { headers: { cookie: cookie.split(';')[0]! } })).status).toBe(200)
    expect((await send('/start', { headers: { authorization: 'Bearer a word' } })).status).toBe(200)
    server.close()
    server.closeAllConnections()
  })

  test('the list is readable for everybody: light, dark, wide, phone, keyboard', async () => {
    await inAllLooks(studio(), '/', 'empty', 'text=No runs yet.')
    const page = await studio().open('/')
    await page.keyboard.press('Tab')
    expect(await page.evaluate('document.activeElement.textContent')).toBe('Skip to the content')
    await page.keyboard.press('/')
    expect(await page.evaluate('document.activeElement.name')).toBe('id')
    await page.context().close()
  })
}
