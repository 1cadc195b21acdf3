// What the pages of the studio work with. The studio holds no state: what it shows is in Temporal and in the store.
import type { html } from 'hono/html'
import type { App, AppContext } from '../http/server'
import type { Connected } from '../runs/connection'

export interface Studio {
  connected: Connected
  /** RLAIF_HOME, whose store it reads unless RLAIF_STORE names a bucket. */
  home: string
}

export type StudioApp = App
export type StudioContext = AppContext

/** Text that `html` has escaped: what comes from a model, a file or a person is put in as a value, never with `raw`. */
export type Html = ReturnType<typeof html>

/** Adds the routes of one page: one file in pages/, one line in routes.ts. */
export type AddPage = (app: StudioApp, studio: Studio) => void
