// `rlaif` itself: its version. The library is in the rooms, each an entry of its own: `rlaif/contracts`, `rlaif/data`,
// `rlaif/feedback`, `rlaif/evaluation`, `rlaif/report`, `rlaif/artifacts`, `rlaif/world`, and `rlaif/model` and
// `rlaif/training`, which load TensorFlow.js (docs/api.md).
export { version } from './version'
