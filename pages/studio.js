// Script of every page of the studio: parts that stay up to date, and keys. Without it the pages show how things stood
// when they were loaded.
import { Idiomorph } from 'idiomorph'

/** The text that each part was last given: what has not changed is left alone. */
const shown = new Map()
const FAILURES_BEFORE_NOTICE = 3

const isInUse = (form) =>
  form.contains(document.activeElement) ||
  [...form.elements].some(({ localName, value, defaultValue }) => localName === 'textarea' && value !== defaultValue)

/** Asks for a part again; what is typed, selected or open in it stays. */
async function update(part) {
  const response = await fetch(part.dataset.live, { headers: { accept: 'text/html' }, cache: 'no-store' })
  if (!response.ok) throw new Error(String(response.status))
  const text = await response.text()
  if (shown.get(part) === text) return
  shown.set(part, text)
  Idiomorph.morph(part, text, {
    morphStyle: 'innerHTML',
    ignoreActiveValue: true,
    callbacks: {
      // a disclosure that a person has opened is not closed, and a field that they have changed keeps its value
      beforeAttributeUpdated: (name, node) => !(name === 'open' && node.localName === 'details'),
      beforeNodeMorphed: (node) => !(node.localName === 'form' && isInUse(node)),
    },
  })
}

/** Every part in its own rhythm, and not at all while nobody sees the page. */
async function keepUpToDate(part) {
  let failures = 0
  for (let seconds = Number(part.dataset.first ?? part.dataset.every); ; seconds = Number(part.dataset.every)) {
    await new Promise((resolve) => setTimeout(resolve, 1000 * seconds))
    if (!part.isConnected) return
    if (document.hidden) continue
    try {
      await update(part)
      failures = 0
    } catch {
      failures++
    }
    part.classList.toggle('stale', failures >= FAILURES_BEFORE_NOTICE)
  }
}

for (const part of document.querySelectorAll('[data-live]')) void keepUpToDate(part)

// ---- Keys: an element with data-key is clicked, or focused if it is a field; j and k go through the rows of a list

const isTyping = ({ target }) =>
  target.matches?.('input:not([type=checkbox]):not([type=radio]), textarea, select, [contenteditable]') ||
  target.closest?.('.cm-editor')

function moveInRows(step) {
  const links = [...document.querySelectorAll('[data-rows] tbody th a, [data-step]')]
  if (links.length === 0) return
  const at = links.indexOf(document.activeElement)
  links[at < 0 ? (step > 0 ? 0 : links.length - 1) : Math.min(links.length - 1, Math.max(0, at + step))].focus()
}

document.addEventListener('keydown', (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event)) return
  const target = document.querySelector(`[data-key="${CSS.escape(event.key)}"]`)
  if (target) {
    event.preventDefault()
    if (target.matches('input, textarea, select')) target.focus()
    else target.click()
  } else if (event.key === 'j' || event.key === 'k') moveInRows(event.key === 'j' ? 1 : -1)
})

// ---- Text to copy: a button with data-copy names the element whose text goes to the clipboard

document.addEventListener('click', (event) => {
  const button = event.target.closest?.('[data-copy]')
  if (!button) return
  const source = document.querySelector(button.dataset.copy)
  void navigator.clipboard.writeText(source.value ?? source.textContent).then(() => {
    button.textContent = 'Copied'
  })
})
