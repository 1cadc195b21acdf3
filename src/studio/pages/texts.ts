// How texts of models and people look: as they are, line ends kept, long ones folded; and what pages of them share.
import { html } from 'hono/html'
import type { Html } from '../studio'

const FOLDED_CHARACTERS = 600
const HEAD_CHARACTERS = 240

/** @param label what it is, for screen readers */
export const textBlock = (text: string, label: string): Html =>
  html`<div class="text" role="group" aria-label="${label}">${text.trim() === '' ? empty : text}</div>`

const empty = html`<span class="soft">(empty)</span>`

/** A long one is folded to its beginning. */
export const foldedText = (text: string, label: string): Html =>
  text.length <= FOLDED_CHARACTERS
    ? textBlock(text, label)
    : html`<details class="fold">
        <summary class="text">${label}: ${text.slice(0, HEAD_CHARACTERS)} …</summary>
        ${textBlock(text, label)}
      </details>`

/** A path with those values of a query that are not the default, an empty text. */
export function withQuery(path: string, query: Record<string, string | number | undefined>): string {
  const given = new URLSearchParams()
  for (const [name, value] of Object.entries(query))
    if (value !== undefined && value !== '') given.set(name, String(value))
  return given.size === 0 ? path : `${path}?${given.toString()}`
}

/** Links to the pages before and after, with their keys. */
export const pager = (page: number, hasNext: boolean, pages: string, to: (page: number) => string): Html =>
  html`<nav class="pager" aria-label="Pages of the list">
    ${page > 1 ? html`<a href="${to(page - 1)}" rel="prev" data-key="p">Previous</a>` : html`<span class="soft">Previous</span>`}
    <span>page ${page}${pages}</span>
    ${hasNext ? html`<a href="${to(page + 1)}" rel="next" data-key="n">Next</a>` : html`<span class="soft">Next</span>`}
  </nav>`

export const pageNumber = (given: string | undefined): number => Math.max(1, Number.parseInt(given ?? '', 10) || 1)

export const options = (choices: Record<string, string>, chosen: string, without: Record<string, string> = {}): Html =>
  html`${Object.entries(choices).map(
    ([value, words]) =>
      html`<option
        value="${value}"
        ${value === chosen ? 'selected' : ''}
        ${without[value] === undefined ? '' : 'disabled'}
      >
        ${words}
      </option>`,
  )}`
