// `rlaif`: all of the library that does without TensorFlow.js. `rlaif/model`, `rlaif/training` and
// `rlaif/feedback/local-labeler`, which load it, are entries of their own (docs/api.md).
export { version } from './version'
export * from './contracts/index'
export * from './data/index'
export * from './feedback/index'
export * from './evaluation/index'
export * from './artifacts/index'
export * from './report/index'
export * from './world/index'
