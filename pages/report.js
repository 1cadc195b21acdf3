// Script of the reports; src/report/html.ts puts it into every report. It narrows the samples to those that contain
// every word typed into the search box. Without scripts all samples are shown.
const box = document.querySelector('.search')
if (box) {
  const samples = [...document.querySelectorAll('.sample')]
  const count = document.querySelector('.found')
  box.hidden = false
  box.addEventListener('input', () => {
    const words = box.value.toLowerCase().split(/\s+/).filter(Boolean)
    let shown = 0
    for (const sample of samples) {
      const text = sample.textContent.toLowerCase()
      sample.hidden = !words.every((word) => text.includes(word))
      if (!sample.hidden) shown++
    }
    count.textContent = shown + ' of ' + samples.length
  })
}
