// Stage `guidance`: the rubric and the principles of a task, for labelers that ask for them. It is apart from stage `data`:
// what does not ask for them is the same with and without them.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { guidanceOf, readTask, taskFolder } from '../../data/task'
import { digestOf, refuseChanged, sha256Name } from '../../digest'
import { GUIDANCE_FILE } from '../task-guidance'
import type { Stage } from '../stage'

export const guidance: Stage<'guidance'> = {
  run({ task: name }, host) {
    const given = guidanceOf(readTask(taskFolder(name)))
    const text = JSON.stringify(given, null, 2)
    refuseChanged(`guidance: task ${name}`, host.sources.task, sha256Name(digestOf(text)))
    writeFileSync(join(host.output, GUIDANCE_FILE), text)
    const { task, rubric = [], principles = [] } = given
    return Promise.resolve({ task, criteria: rubric.length, principles: principles.length })
  },
}
