// All runs: what is parked first, with what it needs; then the latest, by state, workflow, method and task.
import { html } from 'hono/html'
import { METHODS } from '../../contracts/align-input'
import { RUN_STATES, type RunState } from '../../contracts/command-output'
import { workflowSchemas } from '../../contracts/workflow-inputs'
import { runRows, type RunFilter } from '../../runs/run-rows'
import { later, live, page } from '../layout'
import { parkedBox } from '../parked-box'
import { viewOfRun } from '../recent-views'
import { runTable } from '../run-table'
import type { AddPage, Html, Studio, StudioContext } from '../studio'

const SHOWN = 50
const MOST_SHOWN = 1000
/** Of more that are parked, the table tells. */
const MOST_PARKED = 10
const FIELDS = ['state', 'workflow', 'method', 'task', 'id', 'all'] as const
type Query = Partial<Record<(typeof FIELDS)[number], string>>

export const addRunList: AddPage = (app, studio) => {
  app.get('/', async (c) => {
    const query = queryOf(c)
    const table = await listOf(studio, query, shownOf(c))
    const address = `/runs-table${new URL(c.req.url).search}`
    const body = html`<h1>Runs</h1>
      ${later('/parked', html``, 10)} ${filterForm(query)} ${live(address, table, 5)}`
    return c.html(page({ title: 'Runs', at: '/', body }))
  })
  app.get('/parked', async (c) => c.html(await parkedOf(studio)))
  app.get('/runs-table', async (c) => c.html(await listOf(studio, queryOf(c), shownOf(c))))
}

/** The runs that wait for a person, with what each needs. What the workers do not say is on the run's page. */
async function parkedOf(studio: Studio): Promise<Html> {
  const { rows } = await runRows(studio.connected, { state: 'parked' }, MOST_PARKED)
  const views = await Promise.all(rows.map(({ id }) => viewOfRun(studio, id).catch(() => undefined)))
  return html`${rows.map(({ id }, i) => {
    const parked = views[i]?.now.stages.find(({ state }) => state === 'parked')
    return parked === undefined ? '' : parkedBox(id, parked, undefined, true)
  })}`
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
async function listOf({ connected }: Studio, query: Query, most: number): Promise<Html> {
  const filter = filterOf(query)
  const [parked, latest] = await Promise.all([
    filter.state === undefined ? runRows(connected, { ...filter, state: 'parked' }, most) : { rows: [], more: 0 },
    runRows(connected, filter, most),
  ])
  const others = latest.rows.filter(({ id, state }) => state !== 'parked' || !parked.rows.some((one) => one.id === id))
  const rows = [...parked.rows, ...others]
  if (rows.length > 0) return runTable({ rows, more: latest.more }, moreLink(query, most))
  return html`<p class="soft">
    ${Object.keys(query).length > 0 ? 'No run matches.' : 'No runs yet.'} <a href="/start">Start one</a>
  </p>`
}

const moreLink = (query: Query, most: number): string =>
  `/?${new URLSearchParams({ ...query, shown: String(Math.min(MOST_SHOWN, most + 100)) }).toString()}`

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
      ${values.map((value) => option(value, query[name] === value))}
    </select></label
  >`

const option = (value: string, isChosen: boolean): Html =>
  html`<option value="${value}" ${isChosen ? 'selected' : ''}>${value === 'timedOut' ? 'timed out' : value}</option>`
