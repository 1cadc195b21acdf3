// Responses across steps: the prompts of the validations, and one prompt with what the policy said at every one.
import { html, raw } from 'hono/html'
import { JUDGE, REWARD } from '../../contracts/validation-scores'
import { counted, formatFigure, formatNumber, formatPercent, withUnit } from '../../number-format'
import { lineChart, type Curve } from '../../report/chart'
import { page, runHead, runPath } from '../layout'
import { keepingRecent } from '../recent'
import {
  judgesOf,
  ORDERS,
  promptAcross,
  responsesPage,
  type Change,
  type Order,
  type PromptStep,
  type PromptSummary,
  type ResponsesPage,
} from '../responses'
import { artifactsOfRun, liveCheckpoints, stageFolder } from '../run-files'
import type { AddPage, Html, Studio, StudioContext } from '../studio'
import { openLiveValidations, openValidations, type Validations } from '../validations'
import { foldedText, options, pageNumber, pager, textBlock, withQuery } from './texts'

export const RESPONSES = '/responses'
const OPENED_AT_ONCE = 4

export const addResponses: AddPage = (app, studio) => {
  const recent = keepingRecent<Validations | undefined>(OPENED_AT_ONCE)
  const opened = (c: StudioContext) => validationsOf(studio, c.req.param('id')!, recent)
  app.get('/runs/:id/responses', async (c) => {
    const id = c.req.param('id')
    const validations = await opened(c)
    const body = validations ? await listBody(c, id, validations) : html`<p>${NONE}</p>`
    return c.html(page({ title: `Responses of ${id}`, body: html`${runHead(id, RESPONSES)}${body}` }))
  })
  app.get('/runs/:id/responses/:prompt{[0-9]{1,9}}', async (c) => {
    const { id, prompt } = c.req.param()
    const validations = await opened(c)
    const found = validations && promptAcross(validations, Number(prompt))
    if (!found) return c.notFound()
    const body = promptBody(id, Number(prompt), found, validations)
    return c.html(
      page({ title: `Prompt ${Number(prompt) + 1} of ${id}`, body: html`${runHead(id, RESPONSES)}${body}` }),
    )
  })
}

const NONE =
  'This run has no responses to validation prompts. RL and online DPO write them at every validation, ' +
  'if "candidates" and "validationPrompts" are above 0. A sweep or comparison has them in the runs that it started.'

/** Of the finished stage; while it runs, from its checkpoints. */
async function validationsOf(
  studio: Studio,
  id: string,
  recent: (key: string, open: () => Validations | undefined) => Validations | undefined,
): Promise<Validations | undefined> {
  const artifacts = await artifactsOfRun(studio, id)
  const folder = await stageFolder(studio, artifacts, 'rl', 'online-dpo')
  if (folder !== undefined) {
    const choice = await stageFolder(studio, artifacts, 'choose')
    return recent(`${folder} ${choice}`, () => openValidations(folder, choice))
  }
  const checkpoints = liveCheckpoints(studio, id)
  return checkpoints === undefined ? undefined : openLiveValidations(checkpoints)
}

// ---- The list

async function listBody(c: StudioContext, id: string, validations: Validations): Promise<Html> {
  const query = c.req.query('q') ?? ''
  const given = c.req.query('order') ?? ''
  const order = (Object.hasOwn(ORDERS, given) ? given : 'order') as Order
  const found = await responsesPage(validations, { query, order, page: pageNumber(c.req.query('page')) })
  const to = (number: number) =>
    withQuery(runPath(id, RESPONSES), { q: query, order: c.req.query('order'), page: number })
  return html`<p class="soft">${intro(validations)}</p>
    ${searchForm(query, order, found)}
    <p aria-live="polite">${counted(found.found, 'prompt')}${query === '' ? '' : ` with “${query}”`}.</p>
    ${found.prompts.map((prompt) => summaryCard(id, prompt, validations))}
    ${pager(found.page, found.page < found.pages, ` of ${found.pages}`, to)}`
}

const intro = ({ list, prompts, isLive }: Validations): string =>
  `${counted(prompts, 'prompt')} kept out of training, answered at ${counted(list.length, 'validation')}, ` +
  `steps ${list[0]!.step} to ${list.at(-1)!.step}${isLive ? ' so far' : ''}. Step 0 is before training.`

const searchForm = (query: string, order: Order, { without }: ResponsesPage): Html =>
  html`<form class="filter" role="search" aria-label="Prompts and responses">
    <label>Text in a prompt or response <input type="search" name="q" value="${query}" data-key="/" /></label>
    <label
      >Sorted
      <select name="order">
        ${options(ORDERS, order, without)}
      </select></label
    >
    <button>Show</button>
    ${[...new Set(Object.values(without))].map((why) => html`<p class="soft">Not every order is to be had: ${why}.</p>`)}
  </form>`

const summaryCard = (id: string, summary: PromptSummary, { list }: Validations): Html => {
  const { prompt, context, first, last, changes, disagreement } = summary
  return html`<article class="card" aria-labelledby="prompt-${prompt}">
    <h2 id="prompt-${prompt}"><a href="${runPath(id, `${RESPONSES}/${prompt}`)}" data-step>Prompt ${prompt + 1}</a></h2>
    ${foldedText(context, 'Prompt')}
    <p class="scores">
      ${changes.map(changeText)}
      ${
        disagreement !== undefined && Number.isFinite(disagreement)
          ? html`<span>judges ${formatPercent(disagreement)} of the ranks apart</span>`
          : ''
      }
    </p>
    <div class="sides">
      <div>
        <h3>Step ${list[0]!.step}</h3>
        ${textBlock(first, 'Response before training')}
      </div>
      <div>
        <h3>Step ${list.at(-1)!.step}</h3>
        ${textBlock(last, 'Response at the last validation')}
      </div>
    </div>
  </article>`
}

/** "reward" is a number of any size; a judge gives a probability. */
const scoreText = (by: string, score: number): string => (by === JUDGE ? formatPercent(score) : formatFigure(score))

/** What a score of each is called. */
const scoreName = (by: string): string => (by === JUDGE ? 'judge’s P(better than before)' : by)

const changeText = ({ by, first, last }: Change): Html =>
  html`<span class="${last > first ? 'up' : last < first ? 'down' : ''}"
    >${scoreName(by)} ${scoreText(by, first)} → ${scoreText(by, last)}</span
  > `

// ---- One prompt

function promptBody(
  id: string,
  prompt: number,
  { context, steps }: { context: string; steps: PromptStep[] },
  validations: Validations,
): Html {
  const to = (number: number) => runPath(id, `${RESPONSES}/${number}`)
  return html`<h2>Prompt ${prompt + 1} of ${validations.prompts}</h2>
    <nav class="pager" aria-label="Prompts">
      ${prompt > 0 ? html`<a href="${to(prompt - 1)}" rel="prev" data-key="p">Previous prompt</a>` : ''}
      <a href="${runPath(id, RESPONSES)}" data-key="u">All prompts</a>
      ${prompt + 1 < validations.prompts ? html`<a href="${to(prompt + 1)}" rel="next" data-key="n">Next prompt</a>` : ''}
    </nav>
    ${textBlock(context, 'Prompt')} ${scoreCharts(steps, judgesOf(validations))}
    <ol class="steps" aria-label="Responses by step">
      ${steps.map(stepItem)}
    </ol>
    <p class="soft">
      KL is that of the training prompts of the step, per response, from the policy before training. The judge, where it
      was asked, says how probably the response is better than that of step ${steps[0]!.step}.
    </p>`
}

const stepItem = ({ step, kl, response, isSame, scores }: PromptStep): Html =>
  html`<li>
    <article class="card" aria-labelledby="step-${step}">
      <h3 id="step-${step}"><a href="#step-${step}" data-step>Step ${step}</a></h3>
      <p class="scores">
        ${scores.map(({ by, score }) => html`<span>${scoreName(by)} ${score === null ? '–' : scoreText(by, score)}</span> `)}
        ${kl === undefined ? '' : html`<span>KL ${withUnit(formatNumber(kl, 2), 'nats')}</span>`}
      </p>
      ${isSame ? html`<p class="soft">As at the validation before.</p>` : textBlock(response, `Response of step ${step}`)}
    </article>
  </li>`

const MIN_POINTS = 2

/** The reward, and beside it the other judges: their units differ. */
function scoreCharts(steps: readonly PromptStep[], judges: readonly string[]): Html | string {
  const charts = judges.flatMap((by) => {
    const points = steps.flatMap(({ step, scores }): [number, number][] => {
      const score = scores.find((one) => one.by === by)?.score
      return typeof score === 'number' ? [[step, score]] : []
    })
    const curve: Curve = { name: by, points }
    const title = by === REWARD ? 'Reward of the response by step' : `${scoreName(by)} by step`
    return points.length < MIN_POINTS ? [] : [lineChart(title, [curve])]
  })
  return charts.length === 0
    ? ''
    : html`<div class="charts" aria-hidden="true">${charts.map((chart) => raw(chart))}</div>`
}
