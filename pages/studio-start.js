// Script of the studio's start page: makes an editor of the text field. Without it the field is sent as it is.
import { autocompletion, closeBrackets, closeBracketsKeymap, completionKeymap, snippet } from '@codemirror/autocomplete'
import { defaultKeymap, history, historyKeymap } from '@codemirror/commands'
import { json } from '@codemirror/lang-json'
import { bracketMatching, HighlightStyle, indentOnInput, syntaxHighlighting } from '@codemirror/language'
import { linter, lintGutter, lintKeymap } from '@codemirror/lint'
import { EditorState } from '@codemirror/state'
import { EditorView, hoverTooltip, keymap, lineNumbers } from '@codemirror/view'
import { tags } from '@lezer/highlight'

const CHECK_AFTER_MS = 400

const form = document.querySelector('#start')
const field = document.querySelector('#input')
const said = document.querySelector('#said')
const go = document.querySelector('#go')
const { workflow } = form.dataset

async function ask(what, view, at) {
  const response = await fetch(`/start/${what}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ workflow, text: view.state.doc.toString(), at }),
  })
  return response.ok ? response.json() : {}
}

/** What is wrong is marked where it is; the first of it, or what would start, is said below the editor. */
async function check(view) {
  const { faults = [], summary, trials = [] } = await ask('check', view)
  go.disabled = faults.length > 0
  said.className = faults.length > 0 ? 'problem' : 'summary'
  said.textContent = faults.length > 0 ? faults.map(({ text }) => text).join('\n') : (summary ?? '')
  if (trials.length > 0) said.append(listOf(trials))
  const { length } = view.state.doc
  return faults.map(({ from, to, text }) => ({
    from: Math.min(from, length),
    to: Math.min(to, length),
    severity: 'error',
    message: text,
  }))
}

function listOf([total, ...lines]) {
  const details = document.createElement('details')
  const summary = document.createElement('summary')
  const text = document.createElement('pre')
  summary.textContent = total
  text.textContent = lines.join('\n')
  details.append(summary, text)
  return details
}

/** The language service's tab stops ($1) in the editor's form; what is put in replaces what was typed of it. */
const applied = (text, from) => (view, completion, _, to) =>
  snippet(text.replaceAll(/\$(\d)/g, '${$1}'))(view, completion, from, to)

async function complete(context) {
  const before = context.matchBefore(/["\w.-]+/)
  if (!before && !context.explicit) return null
  const { from, options = [] } = await ask('complete', context.view, context.pos)
  if (context.aborted || options.length === 0) return null
  return {
    from,
    filter: false,
    options: options.map(({ label, detail, info, apply }) => ({ label, detail, info, apply: applied(apply, from) })),
  }
}

const explain = hoverTooltip(async (view, at) => {
  const { from, to, text } = await ask('explain', view, at)
  if (!text) return null
  return {
    pos: from,
    end: to,
    create() {
      const dom = document.createElement('div')
      dom.className = 'explanation'
      dom.textContent = text
      return { dom }
    },
  }
})

const colours = HighlightStyle.define([
  { tag: tags.propertyName, color: 'var(--link)' },
  { tag: tags.string, color: 'var(--good)' },
  { tag: [tags.number, tags.bool, tags.null], color: 'var(--warn)' },
])

const view = new EditorView({
  parent: field.parentElement,
  state: EditorState.create({
    doc: field.value,
    extensions: [
      lineNumbers(),
      history(),
      indentOnInput(),
      bracketMatching(),
      closeBrackets(),
      json(),
      syntaxHighlighting(colours),
      lintGutter(),
      linter(check, { delay: CHECK_AFTER_MS }),
      autocompletion({ override: [complete] }),
      explain,
      EditorView.lineWrapping,
      EditorView.contentAttributes.of({ 'aria-label': 'Input, as JSON' }),
      // Tab leaves the editor, as everywhere on the page
      keymap.of([...closeBracketsKeymap, ...defaultKeymap, ...historyKeymap, ...completionKeymap, ...lintKeymap]),
      EditorView.updateListener.of(({ docChanged, state }) => {
        if (docChanged) field.value = state.doc.toString()
      }),
    ],
  }),
})
field.after(view.dom)
field.hidden = true
document.querySelector('label[for="input"]').addEventListener('click', () => view.focus())

const replaceWith = (text) => view.dispatch({ changes: { from: 0, to: view.state.doc.length, insert: text } })

document.addEventListener('click', ({ target }) => {
  const example = target.closest?.('[data-example]')
  if (!example) return
  replaceWith(`${JSON.stringify(JSON.parse(example.dataset.example), null, 2)}\n`)
  view.focus()
})
document.querySelector('#workflow').addEventListener('change', ({ target }) => target.form.submit())
