import { readFileSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { parseModelConfig } from '../../src/model/config'
import { initialModel } from '../../src/model/initial'
import { loadModelAndTokenizer } from '../../src/model/loaded'
import { locateModel } from '../../src/model/locate'
import { trainBpe } from '../../src/world/bpe'
import { summaryRow } from '../../src/world/data'
import { COLOURS, PEOPLE, PLACES, THINGS } from '../../src/world/words'
import { worldModels } from '../../src/world/named'
import { writeWorldModel } from '../../src/world/policy'
import { temporaryFolder } from '../tiny-folder'

interface Trained {
  model: { merges: [string, string][]; vocab: Record<string, number> }
}

test('BPE merges the most frequent adjacent parts first: the example of Sennrich et al., by hand', () => {
  // low ×5, lower ×2, newest ×6, widest ×3, each with the space before it: e+s 9, es+t 9, Ġ+l 7 (of l+o 7, o+w 7, Ġl
  // first), …
  const text = [
    ...Array(5).fill('low'),
    ...Array(2).fill('lower'),
    ...Array(6).fill('newest'),
    ...Array(3).fill('widest'),
  ].join(' ')
  const { model } = trainBpe([text], 1 + 256 + 5, ['<end>']) as Trained
  expect(model.merges).toEqual([
    ['e', 's'],
    ['es', 't'],
    ['l', 'o'],
    ['lo', 'w'],
    ['Ġ', 'low'],
  ])
  expect([model.vocab['<end>'], model.vocab['est'], Object.keys(model.vocab).length]).toEqual([0, 258, 262])
})

test('training ends early if the text has no more pairs', () => {
  expect((trainBpe(['ab'], 1000, []) as Trained).model.merges).toEqual([
    ['a', 'b'],
    ['Ġ', 'ab'],
  ])
})

test('initial weights are normal, smaller into the residual stream, norms 1, and determined by the seed', () => {
  const config = parseModelConfig(
    {
      model_type: 'llama',
      architectures: ['LlamaForCausalLM'],
      vocab_size: 500,
      hidden_size: 64,
      intermediate_size: 128,
      num_hidden_layers: 8,
      num_attention_heads: 4,
      num_key_value_heads: 4,
      max_position_embeddings: 64,
      tie_word_embeddings: true,
      bos_token_id: 0,
      eos_token_id: 0,
    },
    'small',
  )
  const deviation = (name: RegExp, seed = 1) => {
    const { weights } = initialModel(config, seed)
    const values = [...weights].find(([key]) => name.test(key))![1].dataSync() as Float32Array
    return Math.sqrt(values.reduce((sum, value) => sum + value * value, 0) / values.length)
  }
  expect(deviation(/embed_tokens/)).toBeCloseTo(0.02, 3)
  expect(deviation(/layers\.3\..*down_proj/)).toBeCloseTo(0.02 / 4, 4) // √(2·8)
  expect(deviation(/layernorm/)).toBe(1)
  expect(deviation(/layers\.0\..*q_proj/)).toBe(deviation(/layers\.0\..*q_proj/))
  expect(deviation(/layers\.0\..*q_proj/, 2)).not.toBe(deviation(/layers\.0\..*q_proj/))
})

test('the model "world:policy" is built once, in the cache', async () => {
  const before = process.env.RLAIF_CACHE
  process.env.RLAIF_CACHE = temporaryFolder()
  try {
    const folder = await locateModel('world:policy', { made: worldModels })
    const { mtimeMs } = statSync(join(folder, 'model.safetensors'))
    expect(await locateModel('world:policy', { made: worldModels })).toBe(folder)
    expect(statSync(join(folder, 'model.safetensors')).mtimeMs).toBe(mtimeMs)
    expect(readdirSync(join(process.env.RLAIF_CACHE, 'models'))).toHaveLength(1)
  } finally {
    if (before === undefined) delete process.env.RLAIF_CACHE
    else process.env.RLAIF_CACHE = before
  }
})

test("the world's untrained policy is a model folder whose tokenizer knows the world's words as single tokens", () => {
  const folder = writeWorldModel(
    join(temporaryFolder(), 'policy'),
    1,
    'Summarize the following post in one or two sentences.',
  )
  const { model, tokenizer } = loadModelAndTokenizer(folder)
  const { prompt } = summaryRow(5, 1)
  for (const word of [...PEOPLE, ...PLACES, ...THINGS, ...COLOURS])
    expect([word, tokenizer.encode(word)]).toEqual([word, [expect.any(Number)]])
  expect(tokenizer.decode(tokenizer.encode(prompt)).trim()).toBe(prompt)
  const parameters = [...model.weights.values()].reduce((sum, weight) => sum + weight.size, 0)
  expect(parameters).toBeGreaterThan(1e6)
  expect(parameters).toBeLessThan(6e6)
  expect(JSON.parse(readFileSync(join(folder, 'config.json'), 'utf8'))).toMatchObject({ model_type: 'llama' })
})
