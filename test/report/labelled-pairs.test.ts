import { labelChoice, labelledPairSection, type ShownLabel } from '../../src/report/labelled-pairs'

const label = (id: string, preferFirst: number, people?: 1 | 2): ShownLabel => ({
  id,
  context: `Human: question ${id}`,
  first: `first of ${id}`,
  second: `second of ${id}`,
  preferFirst,
  slotOne: [preferFirst, 1 - preferFirst],
  people,
})

function chosenOf(labels: readonly ShownLabel[]) {
  const choice = labelChoice()
  labels.forEach((each) => choice.add(each))
  return choice.chosen()
}

test('of a thousand labels ten are shown: contradicted by people, most certain and least certain, each once', () => {
  const labels = Array.from({ length: 1000 }, (_, i) => label(`row ${i}`, i / 1000))
  labels[990] = label('row 990', 0.99, 2) // the surest label of all that people contradict
  labels[600] = label('row 600', 0.6, 2)
  labels[610] = label('row 610', 0.61, 1)
  const ids = chosenOf(labels).map(({ name, labels }) => [name, labels.map(({ id }) => id)])
  expect(ids).toEqual([
    ['Contradicted by people', ['row 990', 'row 600']],
    ['Most certain', ['row 0', 'row 1', 'row 999', 'row 2']],
    ['Least certain', ['row 500', 'row 499', 'row 501', 'row 498']],
  ])
})

test('without people, and with few labels, each label is still shown once', () => {
  const kinds = chosenOf([label('a', 0.9), label('b', 0.5)])
  expect(kinds.flatMap(({ labels }) => labels.map(({ id }) => id))).toEqual(['a', 'b'])
  expect(chosenOf([])).toEqual([])
})

test('a label is shown with P(first), both orders, its rationales and what people preferred', () => {
  const shown = { ...label('a', 0.72, 2), slotOne: [0.9, 0.46], rationales: ['It is short.', '<b>It is long.</b>'] }
  const html = labelledPairSection([{ name: 'Contradicted by people', labels: [shown] }])
  const text = html.replace(/<[^>]*>/g, ' ').replace(/\s+/g, ' ')
  expect(text).toMatch(/First first of a Second, preferred by people second of a/)
  expect(text).toMatch(
    /P\(first\) 0.720; P\(&#34;1&#34;\) as answered: 0.900 in this order, 0.460 in the swapped order/,
  )
  expect(text).toMatch(/Rationale 1: It is short. Rationale 2: &#60;b&#62;It is long/)
})
