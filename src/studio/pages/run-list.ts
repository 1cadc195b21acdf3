// All runs: what is parked first, with what it needs; then the latest, by state, workflow, method and task.
import { html } from 'hono/html'
import { METHODS } from '../../contracts/align-input'
import { RUN_STATES, type RunState } from '../../contracts/command-output'
import { workflowSchemas } from '../../contracts/workflow-inputs'
import { counted } from '../../number-format'
import { runRows, type RunFilter, type RunRow, type RunRows } from '../../runs/run-rows'
import { live, page, runPath } from '../layout'
import { duration, stateMark, timeMark } from '../state-mark'
import type { AddPage, Html, Studio, StudioContext } from '../studio'

const SHOWN = 50
const MOST_SHOWN = 1000
const FIELDS = ['state', 'workflow', 'method', 'task', 'id', 'all'] as const
type Query = Partial<Record<(typeof FIELDS)[number], string>>

export const addRunList: AddPage = (app, studio) => {
  app.get('/', async (c) => {
    const query = queryOf(c)
    const table = await runTable(studio, query, shownOf(c))
    const address = `/runs-table${new URL(c.req.url).search}`
    const body = html`<h1>Runs</h1>
      ${filterForm(query)} ${live(address, table, 5)}`
    return c.html(page({ title: 'Runs', at: '/', body }))
  })
  app.get('/runs-table', async (c) => c.html(await runTable(studio, queryOf(c), shownOf(c))))
}

const queryOf = (c: StudioContext): Query =>
  Object.fromEntries(FIELDS.flatMap((field) => (c.req.query(field) ? [[field, c.req.query(field)]] : [])))

const shownOf = (c: StudioContext): number =>
  Math.min(MOST_SHOWN, Math.max(1, Number.parseInt(c.req.query('shown') ?? '', 10) || SHOWN))

const filterOf = ({ state, all, ...rest }: Query): RunFilter => ({
  ...rest,
  ...(state !== undefined && Object.hasOwn(RUN_STATES, state) && { state: state as RunState }),
  all: all !== undefined,
})

/** What is parked stands before the others, unless a state is asked for. */
async function runTable({ connected }: Studio, query: Query, most: number): Promise<Html> {
  const filter = filterOf(query)
  const [parked, latest] = await Promise.all([
    filter.state === undefined ? runRows(connected, { ...filter, state: 'parked' }, most) : { rows: [], more: 0 },
    runRows(connected, filter, most),
  ])
  const others = latest.rows.filter(({ id, state }) => state !== 'parked' || !parked.rows.some((one) => one.id === id))
  return tableOf({ rows: [...parked.rows, ...others], more: latest.more }, query, most)
}

const tableOf = ({ rows, more }: RunRows, query: Query, most: number): Html =>
  rows.length === 0
    ? html`<p class="soft">
        ${Object.keys(query).length > 0 ? 'No run matches.' : 'No runs yet.'} <a href="/start">Start one</a>
      </p>`
    : html`<div class="wide" tabindex="0" role="region" aria-label="Runs">
          <table class="rows" data-rows>
            <thead>
              <tr>
                <th>Run</th>
                <th>State</th>
                <th>Workflow</th>
                <th>Method</th>
                <th>Task</th>
                <th>Started (UTC)</th>
                <th class="number">Took</th>
                <th>Runs it started</th>
              </tr>
            </thead>
            <tbody>
              ${rows.map(rowOf)}
            </tbody>
          </table>
        </div>
        <p class="soft">${counted(rows.length, 'run')}${more > 0 ? html`; ${moreLink(query, most, more)}` : ''}</p>`

const moreLink = (query: Query, most: number, more: number): Html =>
  html`<a href="/?${new URLSearchParams({ ...query, shown: String(Math.min(MOST_SHOWN, most + 100)) }).toString()}"
    >${more} more</a
  >`

const rowOf = (run: RunRow): Html =>
  html`<tr id="row-${run.id}">
    <th scope="row"><a href="${runPath(run.id)}">${run.id}</a>${startedBy(run)}</th>
    <td>
      ${stateMark(run.state)}${run.stage && run.ended === undefined ? html` <span class="soft">${run.stage}</span>` : ''}
    </td>
    <td>${run.workflow}</td>
    <td>${run.method}</td>
    <td>${run.task}</td>
    <td>${timeMark(run.started)}</td>
    <td class="number">${run.ended === undefined ? '' : duration(run.seconds)}</td>
    <td>${countsText(run.runs)}</td>
  </tr>`

const startedBy = ({ startedBy }: RunRow): Html | string =>
  startedBy === undefined ? '' : html` <span class="soft">of ${startedBy}</span>`

export const countsText = (counts: RunRow['runs']): string =>
  Object.entries(counts ?? {})
    .map(([state, count]) => `${count} ${state === 'timedOut' ? 'timed out' : state}`)
    .join(', ')

// ---- What is asked for

const filterForm = (query: Query): Html =>
  html`<form class="filter" role="search" aria-label="Runs">
    <label>ID begins with <input name="id" value="${query.id ?? ''}" data-key="/" /></label>
    ${choice('State', 'state', Object.keys(RUN_STATES), query)}
    ${choice('Workflow', 'workflow', Object.keys(workflowSchemas), query)} ${choice('Method', 'method', METHODS, query)}
    <label>Task <input name="task" size="12" value="${query.task ?? ''}" /></label>
    <label class="check"
      ><input type="checkbox" name="all" value="1" ${query.all === undefined ? '' : 'checked'} /> also those that a run
      has started</label
    >
    <button>Show</button>
  </form>`

const choice = (label: string, name: keyof Query, values: readonly string[], query: Query): Html =>
  html`<label
    >${label}
    <select name="${name}">
      <option value="">all</option>
      ${values.map((value) => html`<option value="${value}" ${query[name] === value ? 'selected' : ''}>${value === 'timedOut' ? 'timed out' : value}</option>`)}
    </select></label
  >`
