// `rlaif/feedback`: preference labels, direct scores and verdicts of a labeler, and endpoints as labelers. The local
// model as labeler is `rlaif/feedback/local-labeler`, since it loads TensorFlow.js.
export {
  isUnanswered,
  type Labeler,
  type LabelerRole,
  type OptionAnswer,
  type Question,
  type Unanswered,
  type WritingSettings,
} from './labeler'
export { choseSameSlot, judgePairs, type JudgingOptions } from './preference'
export { type MemberLabel, type PreferenceLabel } from './preference-label'
export { PLAIN, type Technique } from './technique'
export { juryOf, type Asked, type Juror, type Jury } from './jury'
export { preferenceQuestion, rationaleQuestion, type Pair, type Prompting } from './prompt'
export { askLevels, DIGITS, scoreLevels, type Level, type LevelAnswer } from './answer-levels'
export { directRewards, rewardScale, scoreQuestion, stripTrailingJunk } from './direct-score'
export { judgeAlone } from './verdict'
export {
  endpointLabeler,
  openEndpoint,
  type EndpointLabeler,
  type EndpointLabelerOptions,
  type ServedEndpoint,
} from './endpoint-labeler'
export { EndpointDown, EndpointRefused } from './endpoint-errors'
export { keepingAnswers, type AnswerStore } from './kept-answers'
export { openRewardServer, type RewardService } from './reward-service'
