// Labelled pairs: both texts, P(first), what each order answered, why, and what people chose.
import { html } from 'hono/html'
import { counted, formatCount, formatNumber } from '../../number-format'
import { page, runHead, runPath } from '../layout'
import {
  FILTERS,
  openPairs,
  PAIRS_A_PAGE,
  type Filter,
  type LabelledPairs,
  type PairsPage,
  type PairToRead,
} from '../pairs'
import { keepingRecent } from '../recent'
import { artifactsOfRun, stageFolder, type ArtifactsOfRun } from '../run-files'
import type { AddPage, Html, Studio, StudioContext } from '../studio'
import { foldedText, options, pageNumber, pager, textBlock, withQuery } from './texts'

export const PAIRS = '/pairs'
const OPENED_AT_ONCE = 4

export const addPairs: AddPage = (app, studio) => {
  const recent = keepingRecent<LabelledPairs>(OPENED_AT_ONCE)
  app.get('/runs/:id/pairs', async (c) => {
    const id = c.req.param('id')
    const pairs = await pairsOf(studio, await artifactsOfRun(studio, id), recent)
    const body = pairs ? await listBody(c, id, pairs) : html`<p>${NONE}</p>`
    return c.html(page({ title: `Labelled pairs of ${id}`, body: html`${runHead(id, PAIRS)}${body}` }))
  })
}

const NONE =
  'This run has no labelled pairs, or none yet: they are there when its stage label has ended. ' +
  'A sweep or comparison has them in the runs that it started.'

async function pairsOf(
  studio: Studio,
  artifacts: ArtifactsOfRun,
  recent: (key: string, open: () => LabelledPairs) => LabelledPairs,
): Promise<LabelledPairs | undefined> {
  const folder = await stageFolder(studio, artifacts, 'label', 'human-labels')
  if (folder === undefined) return undefined
  // where the labeler was asked about samples of the policy, people have not compared them
  const isPeoples = artifacts.get('label')?.summary.firstShare === undefined && artifacts.has('label')
  const data = isPeoples ? await stageFolder(studio, artifacts, 'data') : undefined
  return recent(`${folder} ${data}`, () => openPairs(folder, data))
}

async function listBody(c: StudioContext, id: string, pairs: LabelledPairs): Promise<Html> {
  const query = c.req.query('q') ?? ''
  const given = c.req.query('filter') ?? ''
  const filter = (Object.hasOwn(FILTERS, given) ? given : 'all') as Filter
  const found = await pairs.page({ query, filter, page: pageNumber(c.req.query('page')) })
  const to = (number: number) =>
    withQuery(runPath(id, PAIRS), { q: query, filter: c.req.query('filter'), page: number })
  const hasNext = found.found > found.page * PAIRS_A_PAGE
  return html`<form class="filter" role="search" aria-label="Labelled pairs">
      <label
        >Text in a prompt, response or rationale <input type="search" name="q" value="${query}" data-key="/"
      /></label>
      <label
        >Pairs
        <select name="filter">
          ${options(filterWords(found), filter)}
        </select></label
      >
      <button>Show</button>
    </form>
    <p aria-live="polite">${foundText(found, query)} <span class="soft keys">Keys: j k, n p, /</span></p>
    ${found.pairs.map(pairCard)} ${pager(found.page, hasNext, '', to)}`
}

const filterWords = ({ counts }: PairsPage): Record<string, string> =>
  Object.fromEntries(
    Object.entries(FILTERS).map(([filter, words]) => [filter, `${words} (${formatCount(counts[filter as Filter])})`]),
  )

/** Also how far it has looked, where that is not the end. */
function foundText({ found, looked, total, page: at, pairs }: PairsPage, query: string): string {
  const first = (at - 1) * PAIRS_A_PAGE + 1
  const shown = pairs.length === 0 ? '' : `, shown are ${first} to ${first + pairs.length - 1}`
  const wanted = query === '' ? '' : ` with “${query}”`
  return looked === total
    ? `${counted(found, 'pair')}${wanted}${shown}.`
    : `${counted(found, 'pair')}${wanted} among the first ${formatCount(looked)}${shown}; ` +
        `load the page again to look further.`
}

const pairCard = (pair: PairToRead): Html => {
  const { number, context, first, second, people } = pair
  return html`<article class="card" aria-labelledby="pair-${number}">
    <h2 id="pair-${number}"><a href="#pair-${number}" data-step>Pair ${number + 1}</a></h2>
    ${foldedText(context, 'Prompt')}
    <div class="sides">
      <div class="${isPreferred(pair, 1) ? 'preferred' : ''}">
        <h3>First${marks(pair, 1)}</h3>
        ${textBlock(first, 'First response')}
      </div>
      <div class="${isPreferred(pair, 2) ? 'preferred' : ''}">
        <h3>Second${marks(pair, 2)}</h3>
        ${textBlock(second, 'Second response')}
      </div>
    </div>
    <p class="scores">${labelTexts(pair).map((text) => html`<span>${text}</span> `)}</p>
    ${people !== undefined && !isPreferred(pair, people) ? html`<p class="caution">People preferred the other.</p>` : ''}
    ${rationaleList(pair)}
  </article>`
}

const isPreferred = ({ preferFirst }: PairToRead, response: 1 | 2): boolean =>
  preferFirst !== 0.5 && preferFirst > 0.5 === (response === 1)

const marks = (pair: PairToRead, response: 1 | 2): string =>
  (isPreferred(pair, response) ? ', preferred by the labeler' : '') +
  (pair.people === response ? ', preferred by people' : '')

/** P(first), and what it was made from. */
function labelTexts({ preferFirst, slotOne, members, disagreement, labeler }: PairToRead): string[] {
  const [given, swapped] = slotOne
  const byMembers = (members ?? []).map(
    ({ labeler, preferFirst: p, failed }) =>
      `${labeler}: ${p === undefined ? (failed ?? 'no label') : formatNumber(p, 3)}`,
  )
  return [
    `P(first) ${formatNumber(preferFirst, 3)} by ${labeler}`,
    ...(given === undefined ? [] : [`P("1") in this order ${formatNumber(given, 3)}`]),
    ...(swapped === undefined ? [] : [`P("1") in the swapped order ${formatNumber(swapped, 3)}`]),
    ...(given !== undefined && swapped !== undefined && given > 0.5 === swapped > 0.5
      ? ['same slot in both orders']
      : []),
    ...(disagreement === undefined ? [] : [`disagreement of the jury ${formatNumber(disagreement, 3)}`]),
    ...byMembers,
  ]
}

const rationaleList = ({ rationales = [] }: PairToRead): Html | string =>
  rationales.length === 0
    ? ''
    : html`<details class="fold" open>
        <summary>${counted(rationales.length, 'rationale')}</summary>
        ${rationales.map((text, i) => textBlock(text.trim(), `Rationale ${i + 1}`))}
      </details>`
