// Script of the rating page; src/rating/page.ts puts it into every page. The form works without it as well.
//
// Keys: a number ranks that response next, best first, or toggles its verdict; Backspace takes back the last rank; Enter
// saves. The script also measures how long a rating takes.
const form = document.querySelector('form')
if (form) listenTo(form)

function listenTo(form) {
  const shownAt = Date.now()
  const isRanking = form.dataset.kind === 'rank'
  const cards = [...form.querySelectorAll('fieldset')]
  /** Positions of the responses ranked by number keys, best first. */
  const ranked = []

  const inputsOf = (card) => [...card.querySelectorAll('input')]

  function markPicked() {
    cards.forEach((card, i) =>
      card.classList.toggle('picked', isRanking ? ranked.includes(i) : card.querySelector(':checked') !== null),
    )
  }

  /** Makes the radio buttons say what was ranked by keys. */
  function showRanks() {
    for (const card of cards) for (const input of inputsOf(card)) input.checked = false
    ranked.forEach((i, rank) => {
      cards[i].querySelector(`input[value="${rank}"]`).checked = true
    })
    markPicked()
  }

  function toggleVerdict(card) {
    const [good, notGood] = inputsOf(card)
    const next = good.checked ? notGood : good
    next.checked = true
    markPicked()
  }

  function rankNext(i) {
    if (ranked.includes(i)) return
    ranked.push(i)
    showRanks()
  }

  /** A rank chosen by pointer is taken from the response that had it; ranking by keys then starts anew. */
  form.addEventListener('change', ({ target }) => {
    if (isRanking) {
      const chosen = target.closest('fieldset')
      for (const card of cards.filter((card) => card !== chosen))
        for (const input of inputsOf(card)) if (input.value === target.value) input.checked = false
      ranked.length = 0
    }
    markPicked()
  })

  document.addEventListener('keydown', (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return
    const i = Number(event.key) - 1
    if (i >= 0 && i < cards.length) {
      event.preventDefault()
      if (isRanking) rankNext(i)
      else toggleVerdict(cards[i])
    } else if (event.key === 'Backspace' && isRanking) {
      event.preventDefault()
      ranked.pop()
      showRanks()
    } else if (event.key === 'Enter') {
      event.preventDefault()
      form.requestSubmit()
    }
  })

  form.addEventListener('submit', () => {
    form.elements.seconds.value = ((Date.now() - shownAt) / 1000).toFixed(1)
    form.querySelector('button').textContent = 'Saving…'
  })

  markPicked()
}
