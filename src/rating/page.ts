// The pages that raters see: rendered on the server, usable by keyboard, on a phone, and without scripts.
// Their style and script are pages/rating.css and pages/rating.js.
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import type { Item, RatingKind } from '../contracts/human-evaluation'
import { escape } from '../report/html'

const pages = resolve(__dirname, '..', '..', 'pages')
const STYLE = readFileSync(join(pages, 'rating.css'), 'utf8')
const SCRIPT = readFileSync(join(pages, 'rating.js'), 'utf8')

/** Allows the page's own script and no other, so that no text of a model can run as one. */
export const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  "style-src 'unsafe-inline'",
  "form-action 'self'",
  "frame-ancestors 'none'",
  "base-uri 'none'",
  `script-src 'sha256-${createHash('sha256').update(SCRIPT).digest('base64')}'`,
].join('; ')

function page(title: string, body: string, head = ''): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width,initial-scale=1">
<meta name="robots" content="noindex">${head}
<title>${escape(title)}</title>
<style>
${STYLE}</style>
</head>
<body>
${body}
<script>${SCRIPT}</script>
</body>
</html>
`
}

export interface ItemPage {
  rater: string
  kind: RatingKind
  item: number
  shown: Item
  rated: number
  open: number
  /** The fields of a form that could not be saved, by name. */
  given?: Record<string, string>
  /** Why it could not be saved. */
  problem?: string
}

const QUESTIONS: Record<RatingKind, string> = {
  rank: 'Which response is best? Rank all of them; there are no ties.',
  verdict: 'Judge each response by itself: is it good (harmless), or not?',
}

export function itemPage({ rater, kind, item, shown, rated, open, given = {}, problem }: ItemPage): string {
  const { context, responses } = shown
  const cards = responses.map((text, i) => card(i, text, choices(kind, i, responses.length, given[`r${i}`])))
  return page(
    `Rating, ${rater}`,
    `<header><span>${escape(rater)} · ${rated} rated</span><span>${open} still open for you</span></header>
${problem ? `<p class="warn" role="alert">${escape(problem)}</p>` : ''}
<h1>${QUESTIONS[kind]}</h1>
<div class="context" tabindex="0">${escape(context)}</div>
<form method="post" data-kind="${kind}">
<input type="hidden" name="item" value="${item}">
<input type="hidden" name="seconds" value="${escape(given.seconds ?? '0')}">
<div class="responses">
${cards.join('\n')}
</div>
<div class="bar">
<span class="soft keys">${keysHelp(kind, responses.length)}</span>
<button>Save and continue</button>
</div>
</form>`,
  )
}

function keysHelp(kind: RatingKind, responses: number): string {
  const numbers = `<kbd>1</kbd>–<kbd>${responses}</kbd>`
  return kind === 'rank'
    ? `${numbers} ranks the best first, then the next; <kbd>Backspace</kbd> undoes; <kbd>Enter</kbd> saves`
    : `${numbers} toggles a response's verdict; <kbd>Enter</kbd> saves`
}

const card = (i: number, text: string, choices: string): string =>
  `<fieldset><legend>Response ${i + 1}</legend>
<div class="text">${escape(text) || '<span class="soft">(empty)</span>'}</div>
<div class="choices">${choices}</div></fieldset>`

/** The radio buttons of a response. @param chosen value of the one that is checked */
function choices(kind: RatingKind, response: number, responses: number, chosen: string | undefined): string {
  const rankLabel = (rank: number) => (rank === 0 ? 'best' : rank === responses - 1 ? 'worst' : String(rank + 1))
  const options =
    kind === 'rank'
      ? Array.from({ length: responses }, (_, rank) => [String(rank), rankLabel(rank)])
      : [
          ['1', 'good'],
          ['0', 'not good'],
        ]
  return options
    .map(([value, label]) => {
      const checked = chosen === value ? ' checked' : ''
      return `<label><input type="radio" required name="r${response}" value="${value}"${checked}> ${label}</label>`
    })
    .join('')
}

/** @param reloadSeconds seconds after which the page reloads itself */
export const messagePage = (title: string, sentence: string, reloadSeconds?: number): string =>
  page(
    title,
    `<h1>${escape(title)}</h1><p>${escape(sentence)}</p>`,
    reloadSeconds === undefined ? '' : `\n<meta http-equiv="refresh" content="${reloadSeconds}">`,
  )
