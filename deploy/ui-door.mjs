// The door of Temporal's UI in compose: refuses the requests of other sites' pages (src/cli/ui-door.ts), which takes the
// UI to be on this machine.
import { openUiDoor } from '../dist/cli/ui-door.js'
import { openDoor } from './door.mjs'

const [PUBLISHED, CHECKED, UI] = [8081, 8080, 8082]
openDoor(UI, 'ui:8080', '127.0.0.1')
await openUiDoor(UI, CHECKED)
openDoor(PUBLISHED, `127.0.0.1:${CHECKED}`)
