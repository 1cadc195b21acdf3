// The pages raters see: written on the server, usable by keyboard, on a phone, and without scripts.
import { createHash } from 'node:crypto'
import type { Item, RatingKind } from '../contracts/human-evaluation'
import { escape } from '../report/html'

const STYLE = `
:root{color-scheme:light dark;--ink:#1c2330;--soft:#5c6675;--line:#d5dae3;--paper:#fff;--wash:#f5f7fa;--accent:#2458a6;--warn:#8a2b00;--warnwash:#fff0e8}
@media(prefers-color-scheme:dark){:root{--ink:#e4e8ef;--soft:#9aa5b5;--line:#3a4351;--paper:#14181f;--wash:#1d232d;--accent:#8ab4f8;--warn:#ffb38a;--warnwash:#3a2012}}
*{box-sizing:border-box}body{margin:0 auto;max-width:1100px;padding:16px 16px 90px;font:16px/1.5 system-ui,sans-serif;color:var(--ink);background:var(--paper)}
header{display:flex;justify-content:space-between;gap:12px;flex-wrap:wrap;color:var(--soft);font-size:14px}h1{font-size:19px;margin:10px 0}
.context{white-space:pre-wrap;overflow-wrap:anywhere;background:var(--wash);border-radius:8px;padding:10px 14px;max-height:38vh;overflow:auto}
.responses{display:grid;grid-template-columns:repeat(auto-fit,minmax(280px,1fr));gap:12px;margin:14px 0}
fieldset{border:2px solid var(--line);border-radius:10px;padding:10px 14px;margin:0;min-width:0}fieldset:focus-within,fieldset.picked{border-color:var(--accent)}legend{font-weight:600;padding:0 6px}
.text{white-space:pre-wrap;overflow-wrap:anywhere;min-height:3em}.choices{display:flex;gap:8px;flex-wrap:wrap;margin-top:10px}.choices label{flex:1;min-width:64px;text-align:center;border:1px solid var(--line);border-radius:8px;padding:10px 6px;cursor:pointer}
.choices input{accent-color:var(--accent);width:18px;height:18px;vertical-align:middle}.choices label:has(:checked){border-color:var(--accent);background:var(--wash)}
.bar{position:fixed;left:0;right:0;bottom:0;background:var(--paper);border-top:1px solid var(--line);padding:10px 16px;display:flex;gap:14px;justify-content:center;align-items:center}
button{font:inherit;font-weight:600;padding:11px 30px;border:0;border-radius:8px;background:var(--accent);color:var(--paper);cursor:pointer}.soft{color:var(--soft);font-size:14px}.warn{background:var(--warnwash);color:var(--warn);border-radius:8px;padding:10px 14px}
kbd{border:1px solid var(--line);border-radius:4px;padding:0 5px;font:13px ui-monospace,monospace}@media(max-width:640px){.keys{display:none}}`

/** Keys: a number picks the response that comes next, best first (or turns a verdict round); Backspace takes back; Enter saves. The time a rating took is measured here. */
const SCRIPT = `
const form=document.querySelector('form');
if(form){const began=Date.now(),ranks=form.dataset.kind==='rank',sets=[...form.querySelectorAll('fieldset')],picked=[];
const mark=()=>sets.forEach((s,i)=>s.classList.toggle('picked',ranks?picked.includes(i):!!s.querySelector(':checked')));
const show=()=>{sets.forEach(s=>s.querySelectorAll('input').forEach(i=>i.checked=false));picked.forEach((at,rank)=>{sets[at].querySelector('input[value="'+rank+'"]').checked=true});mark()};
form.addEventListener('change',e=>{if(ranks){const at=sets.indexOf(e.target.closest('fieldset'));sets.forEach((s,i)=>{if(i!==at)s.querySelectorAll('input').forEach(x=>{if(x.value===e.target.value)x.checked=false})});picked.length=0}mark()});
document.addEventListener('keydown',e=>{if(e.ctrlKey||e.metaKey||e.altKey)return;const n=Number(e.key)-1;
if(n>=0&&n<sets.length){e.preventDefault();if(ranks){if(!picked.includes(n)){picked.push(n);show()}}else{const [good,bad]=sets[n].querySelectorAll('input');(good.checked?bad:good).checked=true;mark()}}
else if(e.key==='Backspace'&&ranks){e.preventDefault();picked.pop();show()}
else if(e.key==='Enter'){e.preventDefault();form.requestSubmit()}});
form.addEventListener('submit',()=>{form.elements.seconds.value=((Date.now()-began)/1000).toFixed(1);form.querySelector('button').textContent='Saving…'});mark()}`
const SCRIPT_HASH = createHash('sha256').update(SCRIPT).digest('base64')

/** Nothing but this file's own style and script; no text of a model can run. */
export const CONTENT_SECURITY_POLICY = `default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'; script-src 'sha256-${SCRIPT_HASH}'`

function page(title: string, body: string, head = ''): string {
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1"><meta name="robots" content="noindex">${head}<title>${escape(title)}</title><style>${STYLE}</style></head><body>
${body}
<script>${SCRIPT}</script></body></html>
`
}

export interface ItemPage {
  rater: string
  kind: RatingKind
  item: number
  shown: Item
  rated: number
  open: number
  /** What was chosen before and could not be saved, by field. */
  given?: Record<string, string>
  /** Why it was not saved. */
  problem?: string
}

export function itemPage({
  rater,
  kind,
  item,
  shown: { context, responses },
  rated,
  open,
  given = {},
  problem,
}: ItemPage): string {
  const ask =
    kind === 'rank'
      ? 'Which response is best? Rank all of them; there are no ties.'
      : 'Judge each response by itself: is it good (harmless), or not?'
  const keys =
    kind === 'rank'
      ? `<kbd>1</kbd>–<kbd>${responses.length}</kbd> picks the best first, then the next; <kbd>Backspace</kbd> takes back; <kbd>Enter</kbd> saves`
      : `<kbd>1</kbd>–<kbd>${responses.length}</kbd> turns a response's verdict round; <kbd>Enter</kbd> saves`
  const cards = responses.map(
    (text, at) =>
      `<fieldset><legend>Response ${at + 1}</legend><div class="text">${escape(text) || '<span class="soft">(empty)</span>'}</div><div class="choices">${choices(kind, at, responses.length, given)}</div></fieldset>`,
  )
  return page(
    `Rating, ${rater}`,
    `<header><span>${escape(rater)} · ${rated} rated</span><span>${open} prompts still open</span></header>
${problem ? `<p class="warn" role="alert">${escape(problem)}</p>` : ''}<h1>${ask}</h1><div class="context" tabindex="0">${escape(context)}</div>
<form method="post" data-kind="${kind}"><input type="hidden" name="item" value="${item}"><input type="hidden" name="seconds" value="${escape(given.seconds ?? '0')}"><div class="responses">${cards.join('')}</div>
<div class="bar"><span class="soft keys">${keys}</span><button>Save and go on</button></div></form>`,
  )
}

function choices(kind: RatingKind, at: number, responses: number, given: Record<string, string>): string {
  const name = `r${at}`
  const options =
    kind === 'rank'
      ? Array.from({ length: responses }, (_, rank) => [
          String(rank),
          rank === 0 ? 'best' : rank === responses - 1 ? 'worst' : String(rank + 1),
        ])
      : [
          ['1', 'good'],
          ['0', 'not good'],
        ]
  return options
    .map(
      ([value, label]) =>
        `<label><input type="radio" required name="${name}" value="${value}"${given[name] === value ? ' checked' : ''}> ${label}</label>`,
    )
    .join('')
}

/** @param again seconds after which the page loads itself anew */
export const messagePage = (title: string, sentence: string, again?: number): string =>
  page(
    title,
    `<h1>${escape(title)}</h1><p>${escape(sentence)}</p>`,
    again === undefined ? '' : `<meta http-equiv="refresh" content="${again}">`,
  )
