// The nights of a schedule: one figure over all of them, what failed, where settings changed, and each night's report.
import { html, raw } from 'hono/html'
import { folderOf } from '../../artifacts/open-store'
import { metricText, metricWords } from '../../contracts/figures'
import { counted, formatRange } from '../../number-format'
import { nightChart, type NightPoint } from '../../report/night-chart'
import { page, runPath } from '../layout'
import { openNights, type Night, type Nights } from '../nights'
import { stateMark, timeMark } from '../state-mark'
import type { AddPage, Html } from '../studio'

/** Address of a schedule's nights. */
export const nightsPath = (schedule: string): string => `/schedules/${encodeURIComponent(schedule)}/nights`

export const addNights: AddPage = (app, { connected, home }) => {
  const nightsOf = openNights((uri) => folderOf(home, uri))
  app.get('/schedules/:id/nights', async (c) => {
    const schedule = c.req.param('id')
    const found = await nightsOf(connected, schedule, c.req.query('figure') || undefined)
    const body = html`<h1>Nights of <span class="id">${schedule}</span></h1>
      ${found.nights.length === 0 ? html`<p class="soft">${NONE}</p>` : nightsBody(found)}`
    return c.html(page({ title: `Nights of ${schedule}`, at: '/schedules', body }))
  })
}

const NONE = 'This schedule has started no run yet, or its runs are no longer kept by the server.'

const nightsBody = (found: Nights): Html =>
  html`${found.metrics.length > 1 ? figureForm(found) : ''} ${chartOf(found)}
    <div class="wide" tabindex="0" role="region" aria-label="Nights">
      <table class="rows" data-rows>
        <thead>
          <tr>
            <th>Night (UTC)</th>
            <th>State</th>
            <th class="number">${found.metric === undefined ? 'Figure' : metricWords(found.metric)}</th>
            <th class="number">95 % interval</th>
            <th>Trials</th>
            <th>Changed settings</th>
          </tr>
        </thead>
        <tbody>
          ${[...found.nights].reverse().map((night) => nightRow(night, found.metric))}
        </tbody>
      </table>
    </div>
    ${found.earlier > 0 ? html`<p class="soft">${counted(found.earlier, 'earlier run')} not shown.</p>` : ''}`

const figureForm = ({ metrics, metric }: Nights): Html =>
  html`<form class="filter" aria-label="Figure">
    <label
      >Figure
      <select name="figure" data-key="/">
        ${metrics.map(
          (name) =>
            html`<option value="${name}" ${name === metric ? 'selected' : ''}>${metricWords(name)} (${name})</option>`,
        )}
      </select></label
    >
    <button>Show</button>
  </form>`

function chartOf({ nights, metric }: Nights): Html {
  if (metric === undefined || nights.every(({ figure }) => figure === undefined))
    return html`<p class="soft">No night has a figure yet.</p>`
  const points = nights.map((night): NightPoint => ({
    at: night.at.getTime(),
    ...(night.figure ?? {}),
    mark: isFailed(night) ? 'failed' : night.changed.length > 0 ? 'changed' : undefined,
    address: addressOf(night),
    label: labelOf(night, metric),
  }))
  return html`<figure class="nights">
    ${raw(nightChart(metricWords(metric), points, (value) => metricText(metric, value)))}
    <figcaption class="soft">
      Mean over trials with 95 % interval over seeds. ▲ the night, or a trial of it, failed; ◆ settings differ from the
      night before. A point opens the report of its night.
    </figcaption>
  </figure>`
}

const isFailed = ({ state, trials, problem }: Night): boolean =>
  problem !== undefined || (trials?.failed ?? 0) > 0 || !['completed', 'running', 'parked'].includes(state)

/** Its report; without one, the run. */
const addressOf = ({ run, report }: Night): string => runPath(run, report ? '/report' : '')

const nightText = ({ at }: Night): string => at.toISOString().slice(0, 16).replace('T', ' ')

const labelOf = (night: Night, metric: string): string =>
  [
    nightText(night),
    night.figure ? `${metricWords(metric)} ${metricText(metric, night.figure.value)}` : night.state,
    ...(night.trials?.failed ? [counted(night.trials.failed, 'failed trial')] : []),
    ...(night.changed.length > 0 ? [`changed ${night.changed.join(', ')}`] : []),
    ...(night.problem === undefined ? [] : [night.problem]),
  ].join('; ')

const nightRow = (night: Night, metric: string | undefined): Html => {
  const { state, figure, trials, changed, problem, run } = night
  const show = (value: number) => metricText(metric ?? '', value)
  return html`<tr>
    <th scope="row"><a href="${addressOf(night)}">${timeMark(night.at)}</a></th>
    <td>
      ${stateMark(state)} <a class="soft" href="${runPath(run)}">run</a>${
        problem === undefined ? '' : html`<p class="problem">${problem}</p>`
      }
    </td>
    <td class="number">${figure ? show(figure.value) : '–'}</td>
    <td class="number">
      ${figure && Number.isFinite(figure.low) ? formatRange(show(figure.low), show(figure.high)) : '–'}
    </td>
    <td>${trials ? trialText(trials) : ''}</td>
    <td>${changed.join(', ')}</td>
  </tr>`
}

const trialText = ({ done, failed, skipped }: NonNullable<Night['trials']>): string =>
  [
    `${done} done`,
    ...(failed > 0 ? [`${failed} failed`] : []),
    ...(skipped > 0 ? [`${skipped} not started`] : []),
  ].join(', ')
