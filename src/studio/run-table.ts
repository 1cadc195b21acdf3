// Runs as a table, on the list and on the page of the run that has started them.
import { html } from 'hono/html'
import { counted } from '../number-format'
import type { RunRow, RunRows } from '../runs/run-rows'
import { runPath } from './layout'
import { duration, stateMark, timeMark } from './state-mark'
import type { Html } from './studio'

/** @param moreLink leads to more of them */
export const runTable = ({ rows, more }: RunRows, moreLink?: string): Html =>
  html`<div class="wide" tabindex="0" role="region" aria-label="Runs">
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
    <p class="soft">${counted(rows.length, 'run')}${moreMark(more, moreLink)}</p>`

function moreMark(more: number, link: string | undefined): Html | string {
  if (more === 0) return ''
  return link === undefined ? html`; ${more} more` : html`; <a href="${link}">${more} more</a>`
}

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
