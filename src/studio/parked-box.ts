// What a parked stage needs: why it failed, and the forms that resolve it, by the same update as `rlaif resolve`.
import { html } from 'hono/html'
import type { StageStatus } from '../contracts/status'
import { parseGivenJson } from '../runs/given-json'
import type { RunView } from '../runs/run-view'
import { runPath } from './layout'
import type { Html } from './studio'

/** A resolution that was refused: what was typed, and why. */
export interface Tried {
  overrides: string
  problem: string
}

/** What a form asks for. */
export interface Asked {
  action: string
  /** As it was typed. */
  overrides: string
}

export const askedIn = (form: Record<string, unknown>): Asked => ({
  action: String(form.action ?? ''),
  overrides: String(form.overrides ?? ''),
})

/** @throws InvalidInput when they are no JSON */
export const overridesIn = ({ action, overrides }: Asked): unknown =>
  action !== 'retry' || overrides.trim() === '' ? undefined : parseGivenJson(overrides, 'Other settings:')

/** The run's own parked stage with its forms, and links to the parked runs that it has started. */
export function parkedBoxes(id: string, { output, now }: RunView, tried?: Tried): Html {
  const own = now.stages.find(({ state }) => state === 'parked')
  const others = (output.parked ?? []).filter(({ run }) => run !== id)
  return html`${own === undefined ? '' : parkedBox(id, own, tried)}
  ${others.map(
    ({ run, stage, reason }) =>
      html`<section class="parked-box">
        <a href="${runPath(run)}">${run}</a> is parked at ${stage}:
        ${(reason ?? 'no worker answers for the reason').split('\n')[0]}
      </section>`,
  )}`
}

/** @param linked whether the run's ID stands above, as on the list */
export const parkedBox = (id: string, { stage, message, waysOn }: StageStatus, tried?: Tried, linked = false): Html =>
  html`<section class="parked-box" id="parked-${id}" aria-label="${id}: ${stage} is parked">
    <h2>${linked ? html`<a href="${runPath(id)}">${id}</a>: ` : ''}${stage} is parked</h2>
    <p class="message">${message ?? 'It failed permanently.'}</p>
    <p>Finished stages are kept. Mend the cause, or give the stage other settings, and go on here.</p>
    ${tried === undefined ? '' : html`<p class="problem" role="alert">${tried.problem}</p>`}
    <form method="post" action="${runPath(id, '/resolve')}">
      <label>
        Other settings for the stage, as JSON; empty: as they were
        <textarea name="overrides" rows="3" spellcheck="false">${tried?.overrides ?? ''}</textarea>
      </label>
      ${hint(waysOn)}
      <div class="actions">
        <button class="main" name="action" value="retry">Retry</button>
        ${waysOn?.canSkip ? html`<button name="action" value="skip">Continue without the stage</button>` : ''}
        <button name="action" value="abort">Make the run fail</button>
      </div>
    </form>
  </section>`

function hint(waysOn: StageStatus['waysOn']): Html | string {
  const { fields = [], examples = [] } = waysOn ?? {}
  if (fields.length === 0) return ''
  return html`<p class="soft">
    The stage takes
    ${fields.join(', ')}${examples.map(
      (example, i) => html`${i === 0 ? '; e.g. ' : ' or '}<code>${JSON.stringify(example)}</code>`,
    )}
  </p>`
}
