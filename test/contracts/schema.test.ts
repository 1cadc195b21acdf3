import { workflowJsonSchema } from '../../src/contracts/json-schema'
import { workflowSchemas, type WorkflowName } from '../../src/contracts/workflow-inputs'

test('every workflow has a JSON Schema that requires only fields without a default and describes the fields', () => {
  const required = Object.fromEntries(
    (Object.keys(workflowSchemas) as WorkflowName[]).map((name) => [name, workflowJsonSchema(name).required ?? []]),
  )
  expect(required).toEqual({
    align: [],
    sft: [],
    sample: [],
    label: ['samples'],
    rounds: [],
    rewardModel: ['labels'],
    dpo: ['labels'],
    onlineDpo: [],
    rl: [],
    evaluate: ['policy'],
    report: ['artifacts'],
    labelStudy: [],
    compare: [],
    humanEvaluation: ['contest'],
    miniature: [],
    sweep: [],
    notification: ['text'],
  })
  const rl = workflowJsonSchema('align').properties!.rl!
  expect(rl.properties!.klWeight).toMatchObject({
    type: 'number',
    minimum: 0,
    maximum: 1,
    default: 0.05,
    description: expect.stringMatching(/β/),
  })
  expect(rl.required).toBeUndefined()
})
