// `rlaif/world`: the miniature world, in which every text's true quality is known.
export { worldAnnotators, worldData, worldModels } from './named'
export { isWorldData, parseWorldPath, worldRows, WORLD_DATA } from './data'
export { goldHarmless, goldScore } from './gold'
export { ANNOTATORS, marginOf, preferFirst, type Annotator } from './annotator'
export { annotatorsUrl, openAnnotators } from './endpoint'
