// What the terminal shows of schedules.
import type { ScheduleListOutput, ScheduleOutput } from '../contracts/command-output'
import { shipped } from '../installation'
import { table } from './terminal'

/** A time to the minute, in UTC. */
export const minute = (time: Date) => `${time.toISOString().slice(0, 16).replace('T', ' ')}Z`

/** One line for each schedule, below a head. */
export function scheduleLines({ schedules }: ScheduleListOutput): string[] {
  if (schedules.length === 0)
    return [`no schedules yet; \`rlaif schedule apply ${shipped('schedules')}\` creates those that come with rlaif`]
  return table([
    ['SCHEDULE', 'WORKFLOW', 'STATE', 'NEXT', 'LAST RUN'],
    ...schedules.map(({ id, workflow, state, next, lastRun = '' }) => [
      id,
      workflow,
      state,
      next === undefined ? '' : minute(new Date(next)),
      lastRun,
    ]),
  ])
}

export function describeLines(schedule: ScheduleOutput): string[] {
  const { id, workflow, state, note, next, timeZone, jitterMinutes, overlap, catchUpHours, running, latest, input } =
    schedule
  const timing = [`time zone ${timeZone}`, ...(jitterMinutes > 0 ? [`up to ${jitterMinutes} min later`] : [])]
  const counts = [
    `catches up within ${catchUpHours} h; ${schedule.started} started`,
    `${schedule.skipped} skipped for overlap`,
    `${schedule.missed} missed`,
  ]
  const times = next.map((time) => minute(new Date(time))).join(', ')
  return [
    `${id}: ${workflow}, ${state}${note ? ` · ${note}` : ''}`,
    `  next      ${state === 'paused' ? 'none while paused' : times || 'none'} (${timing.join(', ')})`,
    `  overlap   ${overlap}; ${counts.join(', ')}`,
    `  running   ${running.join(', ') || 'nothing'}`,
    ...latest.map(({ run, at }, i) => `  ${i === 0 ? 'latest  ' : '        '}  ${minute(new Date(at))}  ${run}`),
    `  input     ${JSON.stringify(input)}`,
  ]
}
