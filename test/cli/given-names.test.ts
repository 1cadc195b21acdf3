// What an input names outside of itself: a wrong name ends a run at once, by the command before it is started and by the
// run itself; relative paths are those of whoever types them; a run in progress is not taken for another one.
import { mkdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { defaultPayloadConverter } from '@temporalio/common'
import type { Connected } from '../../src/runs/connection'
import { refuseMissing, withOwnPaths } from '../../src/cli/own-paths'
import { pollersOf } from '../../src/runs/pollers'
import type { WorkflowName } from '../../src/contracts/workflow-inputs'
import { openLocalStack, rlaif, type LocalStack } from '../local-stack'
import { temporaryFolder, writeRowsWithoutPrompt, writeTinyFolder } from '../tiny-folder'

jest.setTimeout(180_000)

const folder = temporaryFolder()
const write = (name: string, text: string) => {
  writeFileSync(join(folder, name), text)
  return join(folder, name)
}
const model = writeTinyFolder(join(folder, 'tiny'))
const cut = writeTinyFolder(join(folder, 'cut'))
truncateSync(join(cut, 'model.safetensors'), 1000)
const neox = writeTinyFolder(join(folder, 'neox'))
writeFileSync(
  join(neox, 'config.json'),
  '{"model_type": "gpt_neox", "architectures": ["GPTNeoXForCausalLM"], "hidden_size": 8}',
)
const onRay = { engine: { ray: { address: 'http://127.0.0.1:1' } }, rl: { algorithm: 'rloo' } }
const noGguf = write('no.gguf', 'nothing')
const bare = writeRowsWithoutPrompt('bare.jsonl')
const rows = write(
  'rows.jsonl',
  Array.from({ length: 8 }, (_, i) => JSON.stringify({ prompt: `Post ${i}`, reference: 'Short.' })).join('\n'),
)
const task = JSON.parse(readFileSync(join(__dirname, '../../tasks/helpful/task.json'), 'utf8')) as object
mkdirSync(join(folder, 'no-files'))
writeFileSync(join(folder, 'no-files', 'task.json'), JSON.stringify(task))

const small = { model, limits: { responseTokens: 6 }, sft: { batchSize: 4 } }
const axes = (field: string, ...values: unknown[]) => ({ workflow: 'sft', base: small, axes: [{ field, values }] })

let stack: LocalStack
beforeAll(async () => {
  stack = await openLocalStack()
  // whether the workers are on this machine is known once they have asked for work
  while ((await pollersOf(stack.client.workflow)).length === 0) await sleep(100)
})
afterAll(() => stack.close())

const started = async (id: string) => {
  const { events } = await stack.client.workflow.getHandle(id).fetchHistory()
  const [payload] = events![0]!.workflowExecutionStartedEventAttributes!.input!.payloads!
  return defaultPayloadConverter.fromPayload(payload!)
}

describe('a wrong name ends a run at once', () => {
  const wrong: [string, string, object, RegExp][] = [
    [
      'a missing file',
      'align',
      { data: '/nowhere.jsonl' },
      /"data\.path" got "\/nowhere\.jsonl"; the file does not exist/,
    ],
    ['a folder as rows', 'sft', { data: { path: folder } }, /"data\.path" got ".*which is not a file/],
    ['an unknown task', 'sample', { task: 'poetry' }, /"task" got "poetry", which is neither/],
    ['a task without its files', 'align', { task: join(folder, 'no-files') }, /names a file that does not exist/],
    ['a kind of the world', 'align', { data: 'world:sumaries?rows=20' }, /world:sumaries.*world:summaries\?rows=2000/],
    ['an option of the world', 'align', { data: 'world:summaries?row=20' }, /unknown field "row"/],
    ['a value of the world', 'align', { data: 'world:summaries?rows=many' }, /field "rows" got "many"/],
    ['an annotator', 'align', { judge: { baseUrl: 'world:', model: 'XL' } }, /"judge\.model" got "XL".*human, L, S/],
    ['no model folder', 'sft', { model: join(folder, 'no-files') }, /field "model" got ".*has no config\.json/],
    [
      'a missing model',
      'rl',
      { policy: '/nowhere' },
      /field "policy" got "\/nowhere": model: \/nowhere does not exist/,
    ],
    ['weights cut short', 'align', { model: cut }, /claims a header of 2064 bytes in a file of 1000; it is cut short/],
    ['a file that is no GGUF', 'align', { model: noGguf }, /no\.gguf does not start with "GGUF"/],
    ['a name of the Hub', 'align', { model: 'hf:only-a-name' }, /not of the form hf:owner\/name/],
    ["a labeler's model", 'align', { labeler: '/nowhere' }, /field "labeler\.model" got "\/nowhere"/],
    ['another family', 'align', { model: neox }, /field "model" got ".*model_type = "gpt_neox"; supported/],
    [
      'a labeler of another family',
      'align',
      { model: neox, labeler: 'policy', judge: model, ...onRay },
      /field "labeler\.model" got ".*model_type = "gpt_neox"/,
    ],
    [
      'a judge of another family',
      'align',
      { model: neox, labeler: model, judge: neox, ...onRay },
      /field "judge\.model" got ".*model_type = "gpt_neox"/,
    ],
    ['the labeler of a study', 'labelStudy', { labeler: { model: '/nowhere' } }, /field "labeler\.model" got/],
    [
      'an arm',
      'compare',
      { arms: ['sft', { name: 'a', input: { data: '/nowhere' } }] },
      /"data\.path" got "\/nowhere"/,
    ],
    ['what arms share', 'compare', { base: { task: 'poetry' } }, /"task" got "poetry"/],
    ['a judge of a comparison', 'compare', { judge: '/nowhere' }, /"judge\.model" got "\/nowhere"/],
    ['a value of an axis', 'sweep', axes('data.path', rows, '/nowhere'), /"data\.path" got "\/nowhere"/],
    ['an entry of a list', 'sweep', { base: small, list: [{ model: '/nowhere' }, {}] }, /"model" got "\/nowhere"/],
    [
      'a labeler in short in a sweep',
      'sweep',
      { base: { model, task: 'helpful', labeler: '/nowhere' }, axes: [{ field: 'rl.klWeight', values: [0, 1] }] },
      /field "labeler\.model" got "\/nowhere"/,
    ],
    [
      'a study in a sweep',
      'sweep',
      {
        ...{
          workflow: 'labelStudy',
          base: { model, task: 'helpful', labeler: '/nowhere', variants: [{ name: 'plain' }] },
        },
        ...{ axes: [{ field: 'pairs', values: [4, 8] }], metric: 'study.bestAgreement' },
      },
      /field "labeler\.model" got "\/nowhere"/,
    ],
    ['several', 'align', { task: 'poetry', data: '/nowhere', model: '/no' }, /"model"[^]*"task"|"task"[^]*"model"/],
  ]

  test.each(wrong)('%s: %s, before it is started', async (_, workflow, input, message) => {
    const refused = refuseMissing(workflow as WorkflowName, input, { client: stack.client } as Connected)
    await expect(refused).rejects.toThrow(message)
  })

  test.each([wrong[0]!, wrong[2]!, wrong.at(-1)!])('%s: %s, by the command', async (what, workflow, input, message) => {
    const ended = await stack.run('run', workflow, '--id', `not-${what}`, '--input', JSON.stringify(input))
    expect(ended).toMatchObject({ code: 2, out: '', err: expect.stringMatching(message) })
    await expect(stack.client.workflow.getHandle(`not-${what}`).describe()).rejects.toThrow(/not found/i)
  })

  test.each(wrong)(
    '%s: %s, by the run itself when it is started like from the UI',
    async (what, workflow, input, message) => {
      const handle = await stack.client.workflow.start(workflow, {
        taskQueue: 'rlaif',
        workflowId: `ui-${what}`,
        args: [input],
      })
      await expect(handle.result()).rejects.toMatchObject({
        cause: { type: 'InvalidInput', nonRetryable: true, message: expect.stringMatching(message) },
      })
      const stages = (await handle.fetchHistory()).events!.flatMap(({ activityTaskScheduledEventAttributes: a }) =>
        a ? [a.activityType!.name] : [],
      )
      expect(stages).toEqual(['checkNames'])
    },
  )

  test('a policy on Ray may be of any family', async () => {
    const input = { model: neox, labeler: model, judge: model, ...onRay }
    await refuseMissing('align', input, { client: stack.client } as Connected)
  })

  test('a schedule is refused; an absolute path may come to be there', async () => {
    const declare = (name: string, input: object) =>
      write(name, JSON.stringify({ id: name, cron: '0 3 1 1 *', workflow: 'align', input }))
    expect(await stack.run('schedule', 'apply', declare('typo', { task: 'poetry' }))).toMatchObject({
      code: 2,
      err: expect.stringMatching(/"task" got "poetry"/),
    })
    expect(await stack.run('schedule', 'apply', declare('later', { data: '/nowhere.jsonl' }))).toMatchObject({
      code: 0,
    })
  })

  test('names that a run never looks up are not checked', async () => {
    const input = {
      ...small,
      method: 'sft',
      labeler: '/nowhere',
      judge: model,
      data: { path: rows, evaluationPrompts: 2 },
    }
    const ended = await stack.run('run', 'align', '--id', 'unasked', '--detach', '--input', JSON.stringify(input))
    expect(ended).toMatchObject({ code: 0, err: '' })
    await stack.client.workflow.getHandle('unasked').terminate()
  })
})

describe('relative paths are those of whoever types them', () => {
  const mine = join(folder, 'mine')
  const own = join(folder, 'own')
  beforeAll(() => {
    for (const place of [mine, own]) {
      mkdirSync(place)
      writeTinyFolder(join(place, 'tiny'))
      writeFileSync(join(place, 'rows.jsonl'), readFileSync(rows))
      writeFileSync(join(place, 'input.json'), JSON.stringify({ model: 'tiny', data: 'rows.jsonl' }))
    }
  })
  const at = (name: string) => join(mine, name)

  test.each<[string, object, object]>([
    ['sft', { model: 'tiny', data: './rows.jsonl' }, { model: at('tiny'), data: at('rows.jsonl') }],
    [
      'align',
      { data: { path: 'rows.jsonl' }, labeler: 'tiny', judge: { model: 'tiny' } },
      { data: { path: at('rows.jsonl') }, labeler: at('tiny'), judge: { model: at('tiny') } },
    ],
    [
      'compare',
      {
        base: { data: 'rows.jsonl', labeler: 'tiny' },
        arms: ['sft', { name: 'a', input: { model: 'tiny' } }],
        judge: 'tiny',
      },
      {
        base: { data: at('rows.jsonl'), labeler: at('tiny') },
        arms: ['sft', { name: 'a', input: { model: at('tiny') } }],
        judge: at('tiny'),
      },
    ],
    [
      'sweep',
      {
        base: { data: 'rows.jsonl' },
        axes: [
          { field: 'model', values: ['tiny', 'default'] },
          { field: 'labeler.model', values: ['tiny', 'policy'] },
        ],
      },
      {
        base: { data: at('rows.jsonl') },
        axes: [
          { field: 'model', values: [at('tiny'), 'default'] },
          { field: 'labeler.model', values: [at('tiny'), 'policy'] },
        ],
      },
    ],
    [
      'sweep',
      {
        workflow: 'compare',
        base: { judge: 'tiny' },
        list: [{ 'base.data.path': 'rows.jsonl' }, { 'base.model': 'tiny' }],
      },
      {
        workflow: 'compare',
        base: { judge: at('tiny') },
        list: [{ 'base.data.path': at('rows.jsonl') }, { 'base.model': at('tiny') }],
      },
    ],
    // "tiny" is a name at the endpoint here
    [
      'align',
      { labeler: { baseUrl: 'http://127.0.0.1:9/v1', model: 'tiny' }, judge: 'tiny' },
      { labeler: { baseUrl: 'http://127.0.0.1:9/v1', model: 'tiny' }, judge: at('tiny') },
    ],
    [
      'compare',
      {
        base: { labeler: { baseUrl: 'http://127.0.0.1:9/v1', model: 'x' } },
        arms: ['sft', { name: 'a', input: { labeler: { model: 'tiny' } } }],
      },
      { arms: ['sft', { name: 'a', input: { labeler: { model: 'tiny' } } }] },
    ],
  ])('of %s %j', (workflow, input, absolute) => {
    expect(withOwnPaths(workflow as WorkflowName, input, join(mine, 'input.json'))).toMatchObject(absolute)
  })

  test('of an input file: in the working directory, else next to the file', async () => {
    const run = async (cwd: string, file: string) => {
      const id = `from-${cwd.length}-${file.length}`
      expect(await rlaif(stack.home, ['run', 'sft', '--id', id, '--detach', '--input', file], {}, cwd)).toMatchObject({
        code: 0,
      })
      await stack.client.workflow.getHandle(id).terminate()
      return started(id)
    }
    expect(await run(mine, 'input.json')).toEqual({ model: at('tiny'), data: at('rows.jsonl') })
    expect(await run(mine, join(own, 'input.json'))).toEqual({ model: at('tiny'), data: at('rows.jsonl') })
    expect(await run(temporaryFolder(), join(own, 'input.json'))).toEqual({
      model: join(own, 'tiny'),
      data: join(own, 'rows.jsonl'),
    })
  })

  test('of a schedule', async () => {
    const declaration = {
      id: 'relative',
      cron: '0 3 1 1 *',
      workflow: 'sft',
      input: { model: 'tiny', data: 'rows.jsonl' },
    }
    writeFileSync(join(mine, 'schedule.json'), JSON.stringify(declaration))
    expect(await rlaif(stack.home, ['schedule', 'apply', 'mine/schedule.json'], {}, folder)).toMatchObject({ code: 0 })
    const { action } = await stack.client.schedule.getHandle('relative').describe()
    expect(action.args![0]).toMatchObject({ model: join(folder, 'tiny'), data: join(folder, 'rows.jsonl') })
  })

  test('one that does not exist here is refused, with where it was looked for', async () => {
    const ended = await rlaif(stack.home, ['run', 'sft', '--input', '{"data": "rows.json"}'], {}, mine)
    expect(ended).toMatchObject({ code: 2, out: '' })
    expect(ended.err).toContain(
      `"data.path" got "rows.json"; the file does not exist on this machine (looked for in ${mine})`,
    )
  })

  test('of overrides; the remedies that a parked run prints name what its stage takes', async () => {
    const input = JSON.stringify({ ...small, data: bare })
    const parked = await stack.run('run', 'sft', '--id', 'bare-rows', '--input', input)
    expect(parked.err).toMatch(/bare-rows: data is parked: /)
    expect(parked.err).toContain(
      `npm run rlaif -- resolve bare-rows retry --overrides '{"data":{"path":"/data/rows.jsonl"}}'`,
    )
    expect(parked.err).toMatch(/--overrides takes these fields of the stage: task, data, limits, seed, cache\n/)
    expect((await stack.run('status', 'bare-rows')).out).toContain(
      '--overrides takes these fields of the stage: task, ',
    )
    expect(await stack.run('resolve', 'bare-rows', 'retry', '--overrides', '{"settings": {"limit": 3}}')).toMatchObject(
      {
        code: 2,
        err: expect.stringMatching(
          /unknown field "settings".*\nStage data takes "task", "data", "limits", "seed", "cache"/,
        ),
      },
    )
    const overrides = ['--overrides', '{"data": "rows.jsonl"}']
    expect(await rlaif(stack.home, ['resolve', 'bare-rows', 'retry', ...overrides], {}, mine)).toMatchObject({
      code: 0,
    })
    await stack.client.workflow.getHandle('bare-rows').result()
  })
})

describe('--id of a run in progress', () => {
  const input = { ...small, data: bare, sft: { batchSize: 4 } }
  const again = (more: object, workflow = 'sft') =>
    stack.run('run', workflow, '--id', 'taken', '--detach', '--input', JSON.stringify({ ...input, ...more }))
  beforeAll(async () => {
    await stack.run('run', 'sft', '--id', 'taken', '--input', JSON.stringify(input))
  })

  test('joins it with the same input, also where defaults are written out', async () => {
    expect(await again({})).toMatchObject({ code: 0, out: 'Joined   taken\n' })
    expect(await again({ seed: 1, data: { path: bare } })).toMatchObject({ code: 0, out: 'Joined   taken\n' })
  })

  test('is refused with another input or workflow, by the fields that differ', async () => {
    expect(await again({ seed: 2, sft: { batchSize: 8 } })).toMatchObject({
      code: 2,
      out: '',
      err: expect.stringMatching(
        /"taken" is in progress with another input: .*field "seed" is 1 there and 2 here; field "sft\.batchSize" is 4 there and 8 here/,
      ),
    })
    expect(await again({}, 'align')).toMatchObject({
      code: 2,
      err: expect.stringMatching(/a run of sft with the ID "taken" is in progress/),
    })
  })

  test('starts anew once that one has ended', async () => {
    await stack.client.workflow.getHandle('taken').terminate()
    expect(await again({ seed: 2 })).toMatchObject({ code: 0, out: 'Started  taken\n' })
    await stack.client.workflow.getHandle('taken').terminate()
  })
})
