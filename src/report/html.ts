// Fragments of HTML, and the page around them. Whatever comes from a model, a file or a person passes through `escape`.
// Style and script are pages/report.css and pages/report.js.
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'

const pages = resolve(__dirname, '..', '..', 'pages')
const STYLE = readFileSync(join(pages, 'report.css'), 'utf8')
const SCRIPT = readFileSync(join(pages, 'report.js'), 'utf8')

/** Allows the report's own script and no other, and nothing from any other place. */
const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  "style-src 'unsafe-inline'",
  'img-src data:',
  `script-src 'sha256-${createHash('sha256').update(SCRIPT).digest('base64')}'`,
].join('; ')

export const escape = (text: string): string => text.replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`)

/** Text of our own: no line ends between a number and its %. */
export const prose = (text: string): string => escape(text.replace(/(\d) %/g, '$1\u00a0%'))

/** By which run a report was made, and when, as an ISO time. */
export interface Origin {
  run?: string
  at?: string
}

/** "2026-11-25 22:14 UTC" */
const timeText = (at: string) => `${at.slice(0, 16).replace('T', ' ')} UTC`

const originText = ({ run, at }: Origin): string =>
  [...(run ? [`Run ${run}`] : []), ...(at ? [timeText(at)] : [])].join(' · ')

/** A whole report as one file, with its style and script inside; its title says what it is, of which run and when. */
export function page(title: string, origin: Origin | undefined, sections: readonly string[]): string {
  const made = originText(origin ?? {})
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="${CONTENT_SECURITY_POLICY}">
<title>${escape([title, ...(made ? [made] : [])].join(' · '))}</title><style>
${STYLE}</style></head><body>
<h1>${escape(title)}</h1>${made ? note(made) : ''}
${sections.join('\n')}
<script>${SCRIPT}</script></body></html>
`
}

// ---- Text

export const heading = (title: string): string => `<h2>${prose(title)}</h2>`

export const link = (address: string, label: string): string => `<a href="${escape(address)}">${escape(label)}</a>`

/** A remark in softer print. */
export const note = (sentence: string): string => noteOf(prose(sentence))

/** The same, of HTML. */
export const noteOf = (html: string): string => `<p class="soft">${html}</p>`

/** What was found, a paragraph per sentence. */
export const answerList = (sentences: readonly string[]): string =>
  sentences.map((sentence) => `<p class="answer">${prose(sentence)}</p>`).join('')

/** Sentences that warn a reader about a figure. */
export const cautionList = (sentences: readonly string[]): string =>
  sentences.map((sentence) => `<p class="caution">${prose(sentence)}</p>`).join('')

export const preformatted = (text: string): string => `<pre>${escape(text)}</pre>`

// ---- Charts

/** @param charts as SVG */
export const chartGrid = (charts: readonly string[]): string => `<div class="charts">${charts.join('')}</div>`

// ---- Samples

export interface Sample {
  context: string
  responses: { title: string; text: string }[]
  remark?: string
}

interface SampleSection {
  title: string
  /** Which samples these are. */
  remark?: string
  /** Two responses next to each other, or as many as the page has room for. */
  layout: 'pair' | 'many'
  samples: readonly Sample[]
}

/** Samples below a box that searches them. */
export function sampleSection({ title, remark, layout, samples }: SampleSection): string {
  return [
    heading(title),
    searchBox('Search prompts and responses'),
    remark === undefined ? '' : note(remark),
    sampleCards(samples, layout),
  ].join('')
}

export const sampleCards = (samples: readonly Sample[], layout: SampleSection['layout']): string =>
  samples.map((sample) => sampleCard(sample, layout)).join('')

const searchBox = (label: string): string =>
  `<input class="search" type="search" placeholder="${escape(label)}" aria-label="${escape(label)}" hidden>` +
  '<p class="soft found" aria-live="polite"></p>'

function sampleCard({ context, responses, remark }: Sample, layout: SampleSection['layout']): string {
  const columns = responses.map(({ title, text }) => `<div><h4>${escape(title)}</h4>${escape(text)}</div>`)
  return [
    '<div class="sample">',
    `<div class="context">${escape(context)}</div>`,
    `<div class="${layout}">${columns.join('')}</div>`,
    remark === undefined ? '' : note(remark),
    '</div>',
  ].join('')
}
