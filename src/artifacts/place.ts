// Where an artifact is in a store: <store>/<stage>/<key>, and nowhere else. References come from whoever starts a run;
// a place holds nothing that leads out of the store it is looked up in.
import { InvalidInput } from '../contracts/parse'

export interface Place {
  stage: string
  key: string
}

const STAGE = /^[a-z][a-z-]{0,39}$/
const KEY = /^[\w-]{1,64}$/
/** Folders of a store that hold no artifacts. (`claims` holds locks, and the artifacts of the stage of that name.) */
const NO_STAGES = new Set(['work', 'answers', 'texts'])

export const isPlace = ({ stage, key }: Place): boolean => STAGE.test(stage) && !NO_STAGES.has(stage) && KEY.test(key)

/**
 * The place that a URI names in the configured store.
 * @param storeUri URI of the store, without a slash at its end
 * @param setting what configures the store, for the message
 * @throws InvalidInput unless the URI is, letter for letter, the store's own with `/<stage>/<key>`
 */
export function placeIn(storeUri: string, uri: string, setting: string): Place {
  const below = uri.startsWith(`${storeUri}/`) ? uri.slice(storeUri.length + 1).replace(/\/$/, '') : ''
  const [stage = '', key = '', ...more] = below.split('/')
  if (more.length > 0 || !isPlace({ stage, key }))
    throw new InvalidInput(
      `artifacts: ${uri.slice(0, 300)} is not inside this worker's store ${storeUri} as <store>/<stage>/<key>; ` +
        `set ${setting} so that all workers share one`,
    )
  return { stage, key }
}
