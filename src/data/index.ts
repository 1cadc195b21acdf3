// `rlaif/data`: datasets as rows and human-labelled pairs, and tasks.
export { readDataset, type Dataset, type DatasetOptions } from './dataset'
export { givenRowSchema, pairOf, rowOf, type GivenRow } from './given-rows'
export {
  decidedPairs,
  messageSchema,
  renderConversation,
  rowSchema,
  type DecidedPair,
  type HumanPair,
  type Message,
  type Row,
} from './row'
export { exemplarSchema, readTask, taskFolder, taskSchema, type Exemplar, type Task } from './task'
export type { GeneratedRows } from './source'
