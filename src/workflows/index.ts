// Every workflow that a worker registers, by its workflow type.
export { align } from './align'
export { dpo, evaluate, label, onlineDpo, report, rewardModel, rl, sample, sft } from './stages'
export { compare } from './compare'
export { humanEvaluation } from './human-evaluation'
export { labelStudy } from './label-study'
export { miniature } from './miniature'
export { notification } from './notification'
export { rounds } from './rounds'
export { sweep } from './sweep'
/** What runs under any other type. */
export { default } from './unknown'
