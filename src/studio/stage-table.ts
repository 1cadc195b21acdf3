// The stages of a run: how each stands, and how far the one is that runs.
import { html } from 'hono/html'
import type { Progress } from '../contracts/status'
import type { RunOutput } from '../contracts/command-output'
import { figureLines } from '../contracts/figures'
import type { Snapshot } from '../runs/snapshot'
import { amountText, attemptText, finishedText, metricsText, numberOf } from '../runs/stage-text'
import { stateMark } from './state-mark'
import type { Html } from './studio'

type Stage = RunOutput['stages'][number]

export function stageTable({ stages }: RunOutput, now: Snapshot): Html {
  if (stages.length === 0) return withoutStages(now)
  const running = stages.find(({ state, message }) => state === 'running' && message === undefined)
  return html`<table class="rows stages">
    <caption class="unseen">
      Stages
    </caption>
    <thead>
      <tr>
        <th>Stage</th>
        <th>State</th>
        <th>What it does, or has made</th>
      </tr>
    </thead>
    <tbody>
      ${stages.map((stage) => rowOf(stage, stage === running ? now : undefined))}
    </tbody>
  </table>`
}

const rowOf = (stage: Stage, now: Snapshot | undefined): Html =>
  html`<tr id="stage-${stage.stage}">
    <th scope="row">${stage.stage}</th>
    <td>${stateMark(stage.state)}</td>
    <td>${now ? doing(stage.stage, now) : said(stage)}</td>
  </tr>`

function said(stage: Stage): Html | string {
  if (stage.state === 'waiting') return ''
  if (stage.state === 'running') return stage.message ?? 'running'
  return html`${stage.state === 'parked' ? 'see above' : finishedText(stage)} ${figuresOf(stage)}`
}

/** A few figures of what a stage has made. */
const figuresOf = ({ artifact }: Stage): Html | string =>
  artifact === undefined
    ? ''
    : html`<span class="soft figures"
        >${figureLines(artifact.summary).map(
          ({ words, text, explanation }) => html`<span title="${explanation ?? ''}">${words} ${text}</span> `,
        )}</span
      >`

function doing(stage: string, { attempt, progress }: Snapshot): Html | string {
  if (attempt === undefined) return 'running'
  const failed =
    attempt.lastFailure === undefined
      ? ''
      : html`<p class="problem">attempt ${attempt.number - 1} failed: ${attempt.lastFailure}</p>`
  if (attempt.state !== 'running') return html`${attemptText(attempt)} ${failed}`
  const number = attempt.number > 1 ? numberOf(attempt) : ''
  if (!progress) return html`${number} starting ${failed}`
  return html`${number} ${progress.phase} ${bar(stage, progress)} ${amountText(progress)}
    <span class="soft">${progress.within} ${metricsText(progress)}</span> ${failed}`
}

const bar = (stage: string, { done, total }: Progress): Html =>
  html`<progress aria-label="${stage}" value="${done}" max="${Math.max(total, 1)}"></progress>`

/** What a run without stages does, or why it says nothing. */
function withoutStages({ unanswered, attempt }: Snapshot): Html {
  const words =
    unanswered ??
    (attempt &&
      `${attempt.activity}: ${attempt.state === 'running' ? `${numberOf(attempt)} is running` : attemptText(attempt)}`)
  return words === undefined ? html`` : html`<p class="caution">${words}</p>`
}
