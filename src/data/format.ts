// What a format of dataset files is.
import type { DataSettings } from '../contracts/settings'
import type { Draft } from './row'
import type { Task } from './task'

export interface Format {
  name: string
  /** The fields that it reads; undefined where rows are known to have others. */
  fields?: readonly string[]
  /** @param raw without nulls @throws Unusable with the reason */
  read(raw: object, task: Task, settings: DataSettings): Draft
}
