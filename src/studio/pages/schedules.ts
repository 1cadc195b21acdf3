// The schedules: what each starts, when next, and its last run.
import { html } from 'hono/html'
import type { ScheduleListOutput } from '../../contracts/command-output'
import { listSchedules } from '../../runs/schedules'
import { page, runPath } from '../layout'
import { nightsPath } from './nights'
import { timeMark } from '../state-mark'
import type { AddPage, Html } from '../studio'

type Schedule = ScheduleListOutput['schedules'][number]

export const addSchedules: AddPage = (app, { connected }) => {
  app.get('/schedules', async (c) => {
    const { schedules } = await listSchedules(connected)
    const body = html`<h1>Schedules</h1>
      ${schedules.length === 0 ? nothing : tableOf(schedules)}`
    return c.html(page({ title: 'Schedules', at: '/schedules', body }))
  })
}

const nothing = html`<p class="soft">
  No schedules yet; <code>rlaif schedule apply</code> makes one of a file, e.g. for a sweep every night.
</p>`

const tableOf = (schedules: readonly Schedule[]): Html =>
  html`<table class="rows" data-rows>
    <caption class="unseen">
      Schedules
    </caption>
    <thead>
      <tr>
        <th>Schedule</th>
        <th>Starts</th>
        <th>State</th>
        <th>Next (UTC)</th>
        <th>Last run</th>
        <th>Note</th>
      </tr>
    </thead>
    <tbody>
      ${schedules.map(rowOf)}
    </tbody>
  </table>`

const rowOf = ({ id, workflow, state, next, lastRun, note }: Schedule): Html =>
  html`<tr>
    <th scope="row"><a href="${nightsPath(id)}">${id}</a></th>
    <td>${workflow}</td>
    <td>${state}</td>
    <td>${next === undefined ? '' : timeMark(new Date(next))}</td>
    <td>
      ${lastRun === undefined ? '' : html`<a href="${runPath(lastRun)}">${lastRun}</a>`}
      <a class="soft" href="/?id=${encodeURIComponent(`${id}-`)}">all</a>
    </td>
    <td>${note}</td>
  </tr>`
