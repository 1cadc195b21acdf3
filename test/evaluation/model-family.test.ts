// Relatives are guessed from the names that reports have of models.
import { familiesOf, kinshipOf, kinshipRemarks } from '../../src/evaluation/model-family'

test.each([
  ['Qwen2.5-7B-Instruct at 127.0.0.1:8000', 'hf:Qwen/Qwen2.5-7B-Instruct@main', 'same model'],
  ['/models/qwen2.5-7b-instruct-q4_k_m.gguf', 'Qwen2.5-7B-Instruct at gpu-2', 'same model'],
  ['qwen2.5:7b at localhost:11434', 'hf:Qwen/Qwen2.5-7B', 'same model'],
  ['default', 'SmolLM2-135M-Instruct', 'same model'],
  ['Qwen/Qwen2.5-72B-Instruct at host:8000', 'hf:Qwen/Qwen2.5-7B-Instruct', 'Qwen'],
  ['/cache/models--Qwen--Qwen3-8B/snapshots/0a1b2c', 'qwq-32b at host', 'Qwen'],
  ['default', 'hf:HuggingFaceTB/SmolLM2-1.7B-Instruct', 'SmolLM'],
  ['hf:deepseek-ai/DeepSeek-R1-Distill-Qwen-7B', 'hf:Qwen/Qwen2.5-7B', 'Qwen'],
  ['gpt-4o-mini at api.openai.com', 'o3 at api.openai.com', 'GPT of OpenAI'],
  ['L of the miniature world', 'XS of the miniature world', 'simulated labelers'],
  ['L of the miniature world', 'L of the miniature world', 'same model'],
  ['L of the miniature world', 'gold of the miniature world', undefined],
  ['human of the miniature world', 'gold of the miniature world', undefined],
  ['hf:Qwen/Qwen2.5-7B', 'hf:meta-llama/Llama-3.1-8B', undefined],
  ['gpt2', 'gpt-4o at api.openai.com', undefined],
  ['/models/a', '/models/b', undefined],
])('%s and %s: %s', (one, other, kinship) => {
  const found = kinshipOf(one, other)
  expect(found?.kind === 'same family' ? found.family : found?.kind).toBe(kinship)
  expect(kinshipOf(other, one)).toEqual(found)
})

test('a host does not make a family', () => {
  expect(familiesOf('my-model at qwen.example.org')).toEqual([])
})

test('what is said of judge, labelers and the policy', () => {
  const remarks = (judge: string, labelers: string[], policy: string) =>
    kinshipRemarks({ judge, labelers, policies: [policy] })
  expect(remarks('default', ['default'], 'default')).toEqual([
    "Judge and labeler are the same model, default: the policy was trained towards its judge's preferences.",
    'The judge, default, is the model that the policy was trained from.',
    'The labeler, default, is the model that the policy was trained from.',
  ])
  expect(remarks('Qwen2.5-72B at a', ['Qwen2.5-7B at b', 'people'], 'default')[0]).toMatch(
    /^Judge \(Qwen2.5-72B at a\) and labeler \(Qwen2.5-7B at b\) are of the same family by name, Qwen:/,
  )
  expect(remarks('policy', ['policy'], 'hf:Qwen/Qwen2.5-7B')).toEqual([
    "Judge and labeler are both the initial policy: it was trained towards its judge's preferences.",
  ])
  expect(remarks('policy', ['people'], 'hf:Qwen/Qwen2.5-7B')).toEqual(['The judge is the initial policy itself.'])
  expect(remarks('Qwen2.5-72B at a', ['policy'], 'hf:Qwen/Qwen2.5-7B')[0]).toMatch(/same family by name, Qwen/)
  expect(remarks('gold of the miniature world', ['L of the miniature world'], 'world:policy')).toEqual([])
  expect(remarks('claude-x at h', ['people'], 'default')).toEqual([])
})
