// Lists of runs come from the server's list alone, however many runs there are.
import { TypedSearchAttributes } from '@temporalio/common'
import type { Connected } from '../../src/runs/connection'
import { fieldsIn } from '../../src/runs/run-input'
import { runRows } from '../../src/runs/run-rows'

/** A client that lists endless runs, counts them, and can do nothing else. */
function listing(total: number, queries: string[]): Connected {
  const list = async function* ({ query }: { query: string }) {
    queries.push(query)
    await Promise.resolve()
    for (let i = 0; i < total; i++)
      yield {
        workflowId: `align-${i}`,
        type: 'align',
        status: { name: 'RUNNING' },
        startTime: new Date(0),
        typedSearchAttributes: new TypedSearchAttributes(),
      }
  }
  const workflow = new Proxy({ list, count: async () => ({ count: total }) } as Record<string, unknown>, {
    get(known, name) {
      if (!(name in known)) throw new Error(`the list asked the server for ${String(name)}`)
      return known[name as string]
    },
  })
  return { client: { workflow } } as never
}

test('no history is read and no worker asked, and no more runs are listed than are shown', async () => {
  const { rows, more } = await runRows(listing(1000, []), {}, 50)
  expect([rows.length, more]).toEqual([50, 950])
  expect(rows[0]).toMatchObject({ id: 'align-0', workflow: 'align', state: 'running' })
})

test('what is asked for is quoted, so that no text of a form changes the question', async () => {
  const queries: string[] = []
  await runRows(listing(0, queries), { id: 'a" OR WorkflowType = "b', task: '\\', state: 'failed', all: true }, 5)
  expect(queries).toEqual([
    'ExecutionStatus != "ContinuedAsNew" AND ExecutionStatus = "Failed" AND RlaifTask = "\\\\" AND ' +
      'WorkflowId STARTS_WITH "a\\" OR WorkflowType = \\"b"',
  ])
})

test('an input has its single values by their paths', () => {
  expect([...fieldsIn({ a: { b: 1, c: [2] }, d: null, e: {}, f: undefined })]).toEqual([
    ['a.b', 1],
    ['a.c', [2]],
    ['d', null],
    ['e', {}],
  ])
})
