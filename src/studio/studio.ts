// What the pages of the studio work with. The studio holds no state: what it shows is in Temporal and in the store.
import type { Context, Hono } from 'hono'
import type { HttpBindings } from '@hono/node-server'
import type { html } from 'hono/html'
import type { Connected } from '../runs/connection'

export interface Studio {
  connected: Connected
  /** RLAIF_HOME, whose store it reads unless RLAIF_STORE names a bucket. */
  home: string
}

interface Env {
  Bindings: HttpBindings
}
export type StudioApp = Hono<Env>
export type StudioContext = Context<Env>

/** Text that `html` has escaped: what comes from a model, a file or a person is put in as a value, never with `raw`. */
export type Html = ReturnType<typeof html>

/** Adds the routes of one page: one file in pages/, one line in routes.ts. */
export type AddPage = (app: StudioApp, studio: Studio) => void
