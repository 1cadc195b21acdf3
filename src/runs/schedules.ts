// The schedules that the server has.
import type { ScheduleListOutput } from '../contracts/command-output'
import type { Connected } from './connection'

export async function listSchedules({ client }: Connected): Promise<ScheduleListOutput> {
  const schedules: ScheduleListOutput['schedules'] = []
  for await (const { scheduleId, action, state, info } of client.schedule.list()) {
    const [next, lastRun] = [info.nextActionTimes[0], info.recentActions.at(-1)?.action.workflow.workflowId]
    schedules.push({
      id: scheduleId,
      workflow: action?.workflowType ?? '',
      state: state.paused ? 'paused' : 'active',
      ...(next && !state.paused && { next: next.toISOString() }),
      ...(lastRun !== undefined && { lastRun }),
      ...(state.note && { note: state.note }),
    })
  }
  return { schedules }
}
