// The rows of a file as drafts, one at a time: in the file's format, which its first rows tell; what cannot be used is
// left out by its reason.
import { InvalidInput } from '../contracts/parse'
import type { DataSettings } from '../contracts/settings'
import type { Format } from './format'
import { formatOf } from './formats'
import { withoutNulls } from './row-json'
import type { Draft } from './row'
import type { RawRow } from './row-text'
import { asObject } from './scored'
import type { Task } from './task'
import { Unusable, type LeftOut } from './unusable'
import { counted } from '../number-format'

/** The format is told from so many rows, or characters. */
const ROWS_TO_TELL = 100
const CHARACTERS_TO_TELL = 4 * 2 ** 20
/** When none of so many rows can be used, the rest is not read. */
const MOST_USELESS = 200_000
/** Names of fields that are not read, of which so many are listed. */
const MOST_FIELDS = 20
const MOST_NAME = 60

export interface DraftReading {
  settings: DataSettings
  task: Task
  leftOut: LeftOut
  /** @returns why the draft is left out, if it is */
  onDraft(draft: Draft, where: string): string | undefined
}

export class DraftReader {
  read = 0
  /** Names of fields of the rows that the format does not read. */
  readonly unread = new Set<string>()
  private format: Format | undefined
  private waiting: RawRow[] = []
  private waitingCharacters = 0
  private used = 0

  constructor(
    private readonly reading: DraftReading,
    private readonly path: string,
  ) {}

  get formatName(): string {
    return this.format?.name ?? 'none'
  }

  push(row: RawRow): void {
    this.read++
    if (this.format) return this.take(row)
    this.waiting.push(row)
    this.waitingCharacters += row.characters
    if (this.waiting.length >= ROWS_TO_TELL || this.waitingCharacters >= CHARACTERS_TO_TELL) this.tellFormat()
  }

  end(): void {
    if (!this.format) this.tellFormat()
  }

  private tellFormat(): void {
    const rows = this.waiting
      .filter(({ fault }) => fault === undefined)
      .map(({ value }) => withoutNulls(asObject(value)))
    this.format = formatOf(this.reading.settings, rows)
    for (const row of this.waiting) this.take(row)
    this.waiting = []
  }

  private take({ value, where, fault }: RawRow): void {
    const reason = fault ?? this.draw(value, where)
    if (reason === undefined) return void this.used++
    this.reading.leftOut.add(reason, where, value)
    if (this.used === 0 && this.read - this.waiting.length >= MOST_USELESS) this.refuse()
  }

  /** @returns why the row is left out, if it is */
  private draw(value: unknown, where: string): string | undefined {
    const { settings, task, onDraft } = this.reading
    try {
      const row = withoutNulls(asObject(value))
      if (typeof row !== 'object' || row === null || Array.isArray(row)) throw new Unusable('not an object')
      if (!settings.fields) this.noteUnread(row)
      return onDraft(this.format!.read(row, task, settings), where)
    } catch (error) {
      if (error instanceof Unusable) return error.message
      throw error
    }
  }

  private noteUnread(row: object): void {
    const { fields } = this.format!
    if (!fields) return
    for (const name of Object.keys(row))
      if (!fields.includes(name) && this.unread.size < MOST_FIELDS) this.unread.add(name.slice(0, MOST_NAME))
  }

  /** The reasons with an example each, and the fields that are not read: for messages. */
  leftOutLines(): string {
    const names = [...this.unread].join(', ')
    const remedy = names && `\n  - fields that are not read: ${names}; data.fields says what a field of another name is`
    return this.reading.leftOut.lines(this.path) + remedy
  }

  private refuse(): never {
    throw new InvalidInput(
      `data: ${this.path}: none of the first ${counted(this.read, 'row')} can be used:` + this.leftOutLines(),
    )
  }
}
