// Every workflow a worker registers; the names are those of the UI's "Start Workflow" form.
export { align } from './align'
export { evaluate, label, report, rewardModel, rl, sample, sft } from './stages'
export { compare } from './compare'
export { humanEvaluation } from './human-evaluation'
export { labelStudy } from './label-study'
export { miniature } from './miniature'
export { notification } from './notification'
export { sweep } from './sweep'
