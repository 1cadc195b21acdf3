// What all pages have in common: head, navigation and how a page looks without what it shows. Style and script are
// pages/studio.css and pages/studio.js.
import { html, raw } from 'hono/html'
import { IMPORT_MAP } from './assets'
import type { Html } from './studio'

/** By digest in the page's policy: to the letter. */
const IMPORTS = raw(`<script type="importmap">${IMPORT_MAP}</script>`)

/** The links at the top of every page. */
const NAVIGATION = [
  { path: '/', label: 'Runs' },
  { path: '/schedules', label: 'Schedules' },
  { path: '/start', label: 'Start' },
]

/** The pages of a run. @param path below /runs/<id> */
const OF_RUN = [
  { path: '', label: 'Overview' },
  { path: '/input', label: 'Input' },
  { path: '/responses', label: 'Responses' },
  { path: '/pairs', label: 'Labelled pairs' },
]

export interface Page {
  /** Of the window and, without a heading in the body, nothing else. */
  title: string
  body: Html
  /** The path in NAVIGATION that the page belongs to. */
  at?: string
  /** Modules that it loads besides studio.js, as `<script type="module" src="/assets/…">`. */
  scripts?: Html
}

export const page = ({ title, body, at, scripts }: Page): Html =>
  html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width,initial-scale=1" />
        <meta name="robots" content="noindex" />
        <title>${title} · rlaif studio</title>
        <link rel="icon" href="/assets/icon.svg" />
        <link rel="stylesheet" href="/assets/studio.css" />
        ${IMPORTS} ${scripts}
        <script type="module" src="/assets/studio.js"></script>
      </head>
      <body>
        <a class="skip" href="#main">Skip to the content</a>
        <header>
          <a class="brand" href="/">rlaif studio</a>
          <nav aria-label="Pages">
            ${NAVIGATION.map((entry) => navLink(entry.path, entry.label, entry.path === at))}
          </nav>
        </header>
        <main id="main">${body}</main>
      </body>
    </html>`

const navLink = (path: string, label: string, isHere: boolean): Html =>
  isHere ? html`<a href="${path}" aria-current="page">${label}</a>` : html`<a href="${path}">${label}</a>`

export const runPath = (id: string, below = ''): string => `/runs/${encodeURIComponent(id)}${below}`

/** Heading and links of the pages of one run. @param below path of the page in OF_RUN */
export const runHead = (id: string, below: string): Html =>
  html`<h1 class="id">${id}</h1>
    <nav class="tabs" aria-label="Pages of the run">
      ${OF_RUN.map(({ path, label }) => navLink(runPath(id, path), label, path === below))}
    </nav>`

/** A part of a page that studio.js asks for again and again while the page is visible. @param path what answers with it */
export const live = (path: string, content: Html, seconds = 2): Html =>
  html`<div data-live="${path}" data-every="${seconds}">${content}</div>`

/** A part that takes long, and that the page does not wait for. */
export const later = (path: string, meanwhile: Html, seconds: number): Html =>
  html`<div data-live="${path}" data-every="${seconds}" data-first="0">${meanwhile}</div>`

/** A page that says one thing. */
export const messagePage = (title: string, ...sentences: string[]): Html =>
  page({
    title,
    body: html`<h1>${title}</h1>
      ${sentences.map((sentence) => html`<p class="message">${sentence}</p>`)}`,
  })
