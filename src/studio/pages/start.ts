// Starting a run: any workflow's input in an editor that completes, explains and checks it while it is typed; the same
// JSON that Temporal's UI and `rlaif run --input` take.
import { html, raw } from 'hono/html'
import { z } from 'zod'
import type { TrialsOutput } from '../../contracts/command-output'
import { InvalidInput, parse } from '../../contracts/parse'
import { workflowSchemas, type WorkflowName } from '../../contracts/workflow-inputs'
import { refusalByType } from '../../http/guard'
import { counted } from '../../number-format'
import { existingRun } from '../../runs/existing-run'
import { parseGivenJson } from '../../runs/given-json'
import { plannedTrials } from '../../runs/planned-trials'
import { inputOf } from '../../runs/run-input'
import { newId, startRun } from '../../runs/start-run'
import { examplesOf, type Example } from '../examples'
import { checked, explanation, suggestions } from '../input-language'
import { page, runPath } from '../layout'
import type { AddPage, Html, Studio, StudioContext } from '../studio'

const WORKFLOWS = Object.keys(workflowSchemas) as [WorkflowName, ...WorkflowName[]]
/** Of longer texts nothing is said while they are typed. */
const MOST_CHARACTERS = 200_000

const typedSchema = z.object({
  workflow: z.enum(WORKFLOWS),
  text: z.string().max(MOST_CHARACTERS),
  at: z.int().min(0).default(0),
})

export const addStart: AddPage = (app, studio) => {
  app.get('/start', async (c) => c.html(startPage(await draftOf(studio, c))))
  app.post('/start', (c) => started(studio, c))
  app.use('/start/*', async (c, next) => {
    const refusal = refusalByType(c.env.incoming)
    return refusal ? c.json({ error: refusal.reason }, refusal.status) : next()
  })
  app.post('/start/check', async (c) => {
    const { workflow, text } = await typedIn(c)
    const found = checked(workflow, text)
    const isSweep = workflow === 'sweep' && found.faults.length === 0
    return c.json({ ...found, ...(isSweep && 'input' in found && { trials: trialLines(plannedTrials(found.input)) }) })
  })
  app.post('/start/complete', async (c) => {
    const { workflow, text, at } = await typedIn(c)
    return c.json(await suggestions(workflow, text, at))
  })
  app.post('/start/explain', async (c) => {
    const { workflow, text, at } = await typedIn(c)
    return c.json((await explanation(workflow, text, at)) ?? {})
  })
}

const typedIn = async (c: StudioContext) =>
  parse(typedSchema, parseGivenJson(await c.req.text(), 'studio: the body'), 'studio')

const trialLines = ({ trials, maxConcurrent }: TrialsOutput): string[] => [
  `${counted(trials.length, 'trial')}, ${maxConcurrent} at a time; nothing is started yet`,
  ...trials.map(({ trial, settings, seed }) =>
    [
      `${trial}: ${Object.entries(settings)
        .map(([field, level]) => `${field} ${level}`)
        .join(', ')}`,
      `seed ${seed}`,
    ].join(', '),
  ),
]

interface Draft {
  workflow: WorkflowName
  id: string
  text: string
  problem?: string
}

/** From another run, or of the workflow that is asked for. */
async function draftOf({ connected }: Studio, c: StudioContext): Promise<Draft> {
  const from = c.req.query('from')
  if (from === undefined)
    return { workflow: workflowOf(c.req.query('workflow') ?? 'align'), id: '', text: '{\n  \n}\n' }
  const { type, runId } = await (await existingRun(connected, from)).describe()
  const sent = await inputOf(connected.client, from, runId)
  return { workflow: workflowOf(type), id: '', text: `${JSON.stringify(sent ?? {}, null, 2)}\n` }
}

function workflowOf(name: string): WorkflowName {
  const known = WORKFLOWS.find((one) => one === name)
  if (known === undefined) throw new InvalidInput(`there is no workflow "${name}"; there are ${WORKFLOWS.join(', ')}`)
  return known
}

/** Shows the run that was started, or the page again with what was typed and why it was refused. */
async function started({ connected }: Studio, c: StudioContext): Promise<Response> {
  const form = await c.req.parseBody()
  const [workflow, id, text] = [
    workflowOf(String(form.workflow)),
    String(form.id ?? '').trim(),
    String(form.input ?? ''),
  ]
  try {
    const input = text.trim() === '' ? undefined : parseGivenJson(text, 'the input')
    const run = await startRun(connected, workflow, { id: id || newId(workflow), input })
    return c.redirect(runPath(run.workflowId), 303)
  } catch (error) {
    if (!(error instanceof InvalidInput)) throw error
    return c.html(startPage({ workflow, id, text, problem: error.message }), 422)
  }
}

const startPage = (draft: Draft): Html =>
  page({
    title: 'Start a run',
    at: '/start',
    scripts: raw('<script type="module" src="/assets/studio-start.js"></script>'),
    body: html`<h1>Start a run</h1>
      ${workflowForm(draft)}
      ${draft.problem === undefined ? '' : html`<p class="problem" role="alert">${draft.problem}</p>`}
      <form method="post" action="/start" id="start" data-workflow="${draft.workflow}">
        <input type="hidden" name="workflow" value="${draft.workflow}" />
        <label for="input">Input, as JSON: only what differs from the defaults</label>
        <textarea id="input" name="input" rows="16" spellcheck="false">${draft.text}</textarea>
        <p class="soft keys">
          <kbd>Ctrl</kbd>+<kbd>Space</kbd> lists what may stand at the cursor; a field explains itself under the pointer
        </p>
        <div id="said" role="status" aria-live="polite"></div>
        <div class="filter">
          <label
            >ID of the run <input name="id" value="${draft.id}" placeholder="${draft.workflow}-…" size="30"
          /></label>
          <button class="main" id="go">Start</button>
          <button type="button" data-copy="#input">Copy the JSON</button>
        </div>
      </form>
      ${examples(draft.workflow)}`,
  })

const workflowForm = ({ workflow }: Draft): Html =>
  html`<form class="filter" method="get" action="/start">
    <label
      >Workflow
      <select name="workflow" id="workflow">
        ${WORKFLOWS.map((name) => html`<option value="${name}" ${name === workflow ? 'selected' : ''}>${name}</option>`)}
      </select></label
    >
    <button>Change</button>
  </form>`

function examples(workflow: WorkflowName): Html | string {
  const known = examplesOf(workflow)
  if (known.length === 0) return ''
  return html`<h2>Examples</h2>
    <ul class="examples">
      ${known.map(exampleButton)}
    </ul>`
}

const exampleButton = ({ title, input }: Example): Html =>
  html`<li><button type="button" data-example="${JSON.stringify(input)}">${title}</button></li>`
