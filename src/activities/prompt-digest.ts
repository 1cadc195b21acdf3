// What identifies a prompt: the same id may name another prompt in other data.
import type { Row } from '../data/row'
import { digestOf } from '../digest'

export const promptDigest = ({ messages }: Pick<Row, 'messages'>): string =>
  digestOf(JSON.stringify(messages)).slice(0, 16)
