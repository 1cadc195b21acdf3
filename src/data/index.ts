// `rlaif/data`: datasets as rows and human-labelled pairs, and tasks.
export { readDataset, type Dataset, type DatasetOptions } from './dataset'
export { decidedPairs, renderConversation, type DecidedPair, type HumanPair, type Message, type Row } from './row'
export { readTask, taskFolder, type Exemplar, type Task } from './task'
export type { GeneratedRows } from './source'
