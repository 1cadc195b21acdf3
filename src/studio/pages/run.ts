// One run: how its stages stand, what is parked and the forms to resolve it, its curves while they grow, what it found.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { html, raw } from 'hono/html'
import { folderOf } from '../../artifacts/open-store'
import { InvalidInput } from '../../contracts/parse'
import { formatCost } from '../../number-format'
import { resolveRun } from '../../runs/resolve'
import { REPORT } from '../../runs/results'
import { runRows } from '../../runs/run-rows'
import type { RunView } from '../../runs/run-view'
import { chartsOf } from '../curves'
import { live, page, runHead, runPath } from '../layout'
import { askedIn, overridesIn, parkedBoxes, type Tried } from '../parked-box'
import { forgetView, viewOfRun } from '../recent-views'
import { runTable } from '../run-table'
import { stageTable } from '../stage-table'
import { duration, stateMark, timeMark } from '../state-mark'
import type { AddPage, Html, Studio, StudioContext } from '../studio'

const MOST_STARTED = 100

export const addRun: AddPage = (app, studio) => {
  const shown = (c: StudioContext) => viewOfRun(studio, c.req.param('id')!)
  app.get('/runs/:id', async (c) => c.html(await runPage(studio, c.req.param('id'))))
  app.get('/runs/:id/now', async (c) => c.html(await nowOf(studio, await shown(c))))
  app.get('/runs/:id/parked', async (c) => c.html(await parkedBoxes(c.req.param('id'), await shown(c))))
  app.get('/runs/:id/curves', async (c) => c.html(await curvesOf(studio, await shown(c))))
  app.post('/runs/:id/resolve', (c) => resolve(studio, c))
  app.get('/runs/:id/report', async (c) => {
    const { report } = (await shown(c)).output
    if (report === undefined) throw new InvalidInput(`studio: ${c.req.param('id')} has no report, or none yet`)
    return c.body(readFileSync(join(await folderOf(studio.home, report.uri), REPORT), 'utf8'), 200, REPORT_HEADERS)
  })
}

/** It is a page of its own, with its own script, and none of the studio: it may do nothing here. */
const REPORT_HEADERS = {
  'content-type': 'text/html; charset=utf-8',
  'content-security-policy': "sandbox allow-scripts allow-popups; frame-ancestors 'none'",
}

async function runPage(studio: Studio, id: string, tried?: Tried): Promise<Html> {
  const shown = await viewOfRun(studio, id)
  const parked = parkedBoxes(id, shown, tried)
  const body = html`${runHead(id, '')}
  ${tried ? parked : live(runPath(id, '/parked'), parked) /* what was typed stays as it is */}
  ${live(runPath(id, '/now'), await nowOf(studio, shown))}
  ${live(runPath(id, '/curves'), await curvesOf(studio, shown), 3)}`
  return page({ title: id, at: '/', body })
}

/** Shows the run again: as it goes on, or with what was typed and why it was refused. */
async function resolve(studio: Studio, c: StudioContext): Promise<Response> {
  const id = c.req.param('id')!
  const asked = askedIn(await c.req.parseBody())
  try {
    await resolveRun(studio.connected, id, asked.action, overridesIn(asked))
    forgetView(id)
    return c.redirect(runPath(id), 303)
  } catch (error) {
    if (!(error instanceof InvalidInput)) throw error
    return c.html(await runPage(studio, id, { overrides: asked.overrides, problem: error.message }), 422)
  }
}

/** What changes while the run goes on, without its curves. */
async function nowOf(studio: Studio, { output, now, answer }: RunView): Promise<Html> {
  const { id, workflow, state, started, ended, seconds, page: uiPage, failure, report, runs } = output
  return html`<p class="facts">
      ${stateMark(state)} <span>${workflow}</span> <span>started ${timeMark(new Date(started))} UTC</span>
      <span>${ended === undefined ? 'for' : 'took'} ${duration(seconds)}</span> ${costOf(output.stages)}
      ${uiPage === undefined ? '' : html`<a href="${uiPage}" rel="noreferrer">in Temporal’s UI</a>`}
      ${report === undefined ? '' : html`<a href="${runPath(id, '/report')}">report</a>`}
    </p>
    ${(now.warnings ?? []).map((warning) => html`<p class="caution">${warning}</p>`)}
    ${failure === undefined ? '' : html`<p class="problem">${failure}</p>`}
    ${(answer?.sentences ?? []).map((sentence) => html`<p class="answer">${sentence}</p>`)}
    ${(answer?.cautions ?? []).map((caution) => html`<p class="caution">${caution}</p>`)} ${stageTable(output, now)}
    ${runs === undefined ? '' : await startedRuns(studio, id)}`
}

async function startedRuns({ connected }: Studio, id: string): Promise<Html> {
  return html`<h2>Runs that it started</h2>
    ${runTable(await runRows(connected, { startedBy: id }, MOST_STARTED))}`
}

function costOf(stages: RunView['output']['stages']): Html | string {
  const costs = stages.flatMap(({ artifact }) =>
    typeof artifact?.summary.cost === 'number' ? [artifact.summary.cost] : [],
  )
  return costs.length === 0
    ? ''
    : html`<span>cost so far ${formatCost(costs.reduce((sum, cost) => sum + cost, 0))}</span>`
}

/** Of the stages that have trained, and of the one that trains now. */
async function curvesOf(studio: Studio, shown: RunView): Promise<Html> {
  const charts = await chartsOf(studio, shown)
  if (charts.length === 0) return html``
  return html`<h2>Training</h2>
    <div class="charts">${charts.map((svg) => raw(svg))}</div>`
}
