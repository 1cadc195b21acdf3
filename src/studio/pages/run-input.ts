// The input of a run, with its defaults; beside it that of another run, with the differences marked.
import { html } from 'hono/html'
import { InvalidInput } from '../../contracts/parse'
import type { WorkflowName } from '../../contracts/workflow-inputs'
import { existingRun } from '../../runs/existing-run'
import { fieldsIn, inputOf, settingsOf } from '../../runs/run-input'
import { page, runHead, runPath } from '../layout'
import type { AddPage, Html, Studio } from '../studio'

export const addRunInput: AddPage = (app, studio) => {
  app.get('/runs/:id/input', async (c) => {
    const id = c.req.param('id')
    const beside = c.req.query('beside')?.trim() || undefined
    const all = c.req.query('all') !== undefined
    return c.html(page({ title: `${id}: input`, at: '/', body: await body(studio, id, beside, all) }))
  })
}

interface Given {
  id: string
  /** As it was sent. */
  sent: unknown
  /** By path, with defaults. */
  fields: Map<string, unknown>
}

async function givenTo({ connected }: Studio, id: string): Promise<Given> {
  const { type, runId } = await (await existingRun(connected, id)).describe()
  const sent = await inputOf(connected.client, id, runId)
  return { id, sent: sent ?? {}, fields: fieldsIn(settingsOf(type as WorkflowName, sent)) }
}

async function body(studio: Studio, id: string, beside: string | undefined, all: boolean): Promise<Html> {
  const own = await givenTo(studio, id)
  const other = beside === undefined ? undefined : await givenTo(studio, beside).catch(orProblem)
  const sent = JSON.stringify(own.sent, null, 2)
  return html`${runHead(id, '/input')}
    <form class="filter" method="get">
      <label>Beside the run <input name="beside" value="${beside ?? ''}" size="30" data-key="/" /></label>
      <label class="check"
        ><input type="checkbox" name="all" value="1" ${all ? 'checked' : ''} /> also the fields that are the same</label
      >
      <button>Compare</button>
    </form>
    ${typeof other === 'string' ? html`<p class="problem" role="alert">${other}</p>` : ''}
    ${
      other !== undefined && typeof other !== 'string'
        ? comparison(own, other, all)
        : html`<h2>As it was sent</h2>
            <pre id="sent" tabindex="0">${sent}</pre>
            <div class="actions">
              <button data-copy="#sent">Copy</button>
              <a class="button" href="/start?from=${encodeURIComponent(id)}">Start another from this run</a>
            </div>
            <h2>With its defaults</h2>
            ${table(
              [id],
              [...own.fields].map(([path, value]) => ({ path, values: [value] })),
            )}`
    }`
}

function orProblem(error: unknown): string {
  if (error instanceof InvalidInput) return error.message
  throw error
}

function comparison(own: Given, other: Given, all: boolean): Html {
  const paths = [...new Set([...own.fields.keys(), ...other.fields.keys()])]
  const rows = paths.map((path) => ({ path, values: [own.fields.get(path), other.fields.get(path)] }))
  const differing = rows.filter(isChanged)
  const heading =
    differing.length === 0 ? 'The inputs are the same' : `${differing.length} of ${paths.length} fields differ`
  const shown = all ? rows : differing
  return html`<h2>${heading}</h2>
    ${shown.length === 0 ? '' : table([own.id, other.id], shown)}
    <p><a href="${runPath(own.id, '/input')}">This run alone</a></p>`
}

interface Row {
  path: string
  values: unknown[]
}

const isChanged = ({ values: [a, b] }: Row): boolean => JSON.stringify(a) !== JSON.stringify(b)

const table = (ids: readonly string[], rows: readonly Row[]): Html =>
  html`<div class="wide" tabindex="0" role="region" aria-label="Fields">
    <table>
      <thead>
        <tr>
          <th>Field</th>
          ${ids.map((id) => html`<th>${id}</th>`)}
        </tr>
      </thead>
      <tbody>
        ${rows.map((row) => rowOf(row, ids.length > 1))}
      </tbody>
    </table>
  </div>`

const rowOf = (row: Row, isCompared: boolean): Html =>
  html`<tr class="${isCompared && isChanged(row) ? 'changed' : ''}">
    <th scope="row">${row.path}</th>
    ${row.values.map((value) => html`<td>${valueMark(value)}</td>`)}
  </tr>`

const valueMark = (value: unknown): Html =>
  value === undefined ? html`<span class="soft">not given</span>` : html`<code>${JSON.stringify(value)}</code>`
