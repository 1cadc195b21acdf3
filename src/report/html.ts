// Pieces of HTML. Whatever came from a model, a file or a person passes through `escape`.
import { createHash } from 'node:crypto'

export const escape = (text: string): string => text.replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`)

export interface Cell {
  html: string
  number?: boolean
}
export const text = (value: string): Cell => ({ html: escape(value) })
export const number = (value: number | null | undefined, digits = 3): Cell => ({
  html: value === null || value === undefined || Number.isNaN(value) ? '–' : formatNumber(value, digits),
  number: true,
})

export function formatNumber(value: number, digits = 3): string {
  if (Number.isInteger(value)) return value.toLocaleString('en-US')
  return Math.abs(value) < 10 ** -digits ? value.toExponential(1) : value.toFixed(digits)
}

/** A value and its interval in smaller print. */
export const withInterval = (value: string, low: string, high: string): Cell => ({
  html: `${escape(value)} <span class="soft">${escape(low)}–${escape(high)}</span>`,
  number: true,
})

export const percent = (share: number): string => `${(100 * share).toFixed(0)} %`

export function table(head: readonly string[], rows: readonly (readonly Cell[])[]): string {
  const cells = (row: readonly Cell[]) =>
    row.map(({ html, number }) => `<td${number ? ' class="n"' : ''}>${html}</td>`).join('')
  const isNumeric = (column: number) => rows.length > 0 && rows.every((row) => row[column]?.number)
  return `<div class="wide"><table><thead><tr>${head.map((h, column) => `<th${isNumeric(column) ? ' class="n"' : ''}>${escape(h)}</th>`).join('')}</tr></thead><tbody>${rows.map((row) => `<tr>${cells(row)}</tr>`).join('')}</tbody></table></div>`
}

/** A sentence that warns a reader off a figure. */
export const caution = (sentence: string): string => `<p class="caution">${escape(sentence)}</p>`

const STYLE = `
:root{color-scheme:light dark;--ink:#1c2330;--soft:#5c6675;--line:#dfe3ea;--paper:#fff;--wash:#f5f7fa;--warn:#8a4b00;--warnwash:#fff5e2;--link:#2458a6;--better:#d8efdf;--worse:#fbe3dc}
@media(prefers-color-scheme:dark){:root{--ink:#e4e8ef;--soft:#9aa5b5;--line:#333b48;--paper:#14181f;--wash:#1d232d;--warn:#ffc46b;--warnwash:#33280f;--link:#8ab4f8;--better:#1d3d2a;--worse:#47261c}svg text{fill:var(--ink)!important}}
*{box-sizing:border-box}body{margin:0 auto;max-width:1080px;padding:28px 24px 80px;font:15px/1.5 system-ui,sans-serif;color:var(--ink);background:var(--paper)}
h1{font-size:26px;margin:0 0 2px}h2{font-size:18px;margin:38px 0 10px;border-bottom:1px solid var(--line);padding-bottom:4px}p{margin:8px 0}
.soft{color:var(--soft)}.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(190px,1fr));gap:12px;margin:18px 0}
.tile{background:var(--wash);border-radius:8px;padding:12px 14px}.tile b{display:block;font-size:24px;font-variant-numeric:tabular-nums}.tile span{color:var(--soft);font-size:13px}
.caution{background:var(--warnwash);color:var(--warn);border-radius:8px;padding:8px 12px}
.charts{display:grid;grid-template-columns:repeat(auto-fit,minmax(440px,1fr));gap:10px}.charts svg{max-width:100%;height:auto;border:1px solid var(--line);border-radius:8px;padding:6px}
.wide{overflow-x:auto}table{border-collapse:collapse;width:100%;font-size:14px}th{text-align:left;color:var(--soft);font-weight:600}th,td{padding:6px 10px 6px 0;border-bottom:1px solid var(--line);vertical-align:top}
td.n,th.n{text-align:right}td.n{font-variant-numeric:tabular-nums}.contest{border:1px solid var(--line);border-radius:8px;margin:14px 0;padding:12px 14px}.contest .context{white-space:pre-wrap;color:var(--soft);max-height:11em;overflow:auto}
.pair{display:grid;grid-template-columns:1fr 1fr;gap:14px;margin-top:10px}.pair>div{background:var(--wash);border-radius:8px;padding:8px 12px;white-space:pre-wrap;overflow-wrap:anywhere}.pair h4{margin:0 0 4px;font-size:13px;color:var(--soft)}
pre{background:var(--wash);padding:12px;border-radius:8px;overflow:auto;font-size:12.5px}code{font-size:.92em;overflow-wrap:anywhere}details summary{cursor:pointer}
td.n .soft{white-space:nowrap}a{color:var(--link)}td.better{background:var(--better)}td.worse{background:var(--worse)}td.none{background:var(--wash)}.nowrap td,.nowrap th{white-space:nowrap}
.answer{font-size:17px;margin:14px 0}.search{display:block;width:100%;font:inherit;padding:9px 12px;border:1px solid var(--line);border-radius:8px;background:var(--paper);color:var(--ink);margin:10px 0}
.many{display:grid;grid-template-columns:repeat(auto-fit,minmax(230px,1fr));gap:10px;margin-top:10px}.many>div{background:var(--wash);border-radius:8px;padding:8px 12px;white-space:pre-wrap;overflow-wrap:anywhere}.many h4{margin:0 0 4px;font-size:13px;color:var(--soft)}
@media(max-width:640px){.pair,.charts{grid-template-columns:1fr}body{padding:18px 14px 60px}}
@media print{:root{--ink:#000;--paper:#fff;--wash:#f5f7fa;--soft:#444;--line:#ccc}.search{display:none}.contest,.charts svg,tr{break-inside:avoid}.contest .context{max-height:none}body{max-width:none;padding:0}}`

/** Hides the samples without the words that are typed; without scripts all of them show. */
const SEARCH = `const box=document.querySelector('.search');if(box){box.hidden=false;const all=[...document.querySelectorAll('.contest')];const count=document.querySelector('.found');box.addEventListener('input',()=>{const words=box.value.toLowerCase().split(/\\s+/).filter(Boolean);let shown=0;for(const one of all){const text=one.textContent.toLowerCase();one.hidden=!words.every(w=>text.includes(w));if(!one.hidden)shown++}count.textContent=shown+' of '+all.length})}`
const SEARCH_HASH = createHash('sha256').update(SEARCH).digest('base64')

/** A box that narrows the samples below it. */
export const searchBox = (what: string): string =>
  `<input class="search" type="search" placeholder="${escape(what)}" aria-label="${escape(what)}" hidden><p class="soft found" aria-live="polite"></p>`

/** A whole page that needs nothing from anywhere else; no script but the search of this file can run. */
export function page(title: string, body: string): string {
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; img-src data:; script-src 'sha256-${SEARCH_HASH}'">
<title>${escape(title)}</title><style>${STYLE}</style></head><body>
${body}
<script>${SEARCH}</script></body></html>
`
}
