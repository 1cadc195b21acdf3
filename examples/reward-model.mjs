// Trains a reward model on labelled pairs, stores it as a Hugging Face folder, and scores responses with it.
//
//   node examples/reward-model.mjs                     # a tiny model with random weights: seconds
//   node examples/reward-model.mjs default             # SmolLM2-135M-Instruct, or any model folder or hf:owner/name
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parse, rewardModelSchema } from 'rlaif/contracts'
import { initialModel, loadModel, loadTokenizer, locateModel, parseModelConfig, saveModel } from 'rlaif/model'
import { addScoreHead, rewards, trainRewardModel } from 'rlaif/training'

/** A Llama small enough for seconds, with the vocabulary of the default model. */
const TINY = {
  model_type: 'llama',
  architectures: ['LlamaForCausalLM'],
  vocab_size: 49152,
  hidden_size: 16,
  intermediate_size: 32,
  num_hidden_layers: 2,
  num_attention_heads: 2,
  tie_word_embeddings: true,
  eos_token_id: 2,
}
const PROMPTS = ['Can you help me move?', 'Is the shop open?', 'May I sit here?', 'Did you get my letter?']
const KIND = ['Of course, with pleasure.', 'Yes, and thank you for asking.']
const RUDE = ['Leave me alone.', 'What a stupid question.']

const [spec] = process.argv.slice(2)
const folder = await locateModel(spec ?? 'default')
const tokenizer = loadTokenizer(folder)
const model = spec ? loadModel(folder) : initialModel(parseModelConfig(TINY, 'tiny'), 1)
addScoreHead(model, 1)

const sequence = (prompt, response) => ({
  prompt: tokenizer.chatIds([{ role: 'user', content: prompt }]),
  response: tokenizer.encodeContent(response),
})
/** Each kind response against each rude one; a labeler's probabilities would stand here. */
const pairs = PROMPTS.flatMap((prompt) =>
  KIND.flatMap((kind) =>
    RUDE.map((rude) => ({
      group: prompt,
      first: sequence(prompt, kind),
      second: sequence(prompt, rude),
      preferFirst: 0.9,
    })),
  ),
)

const settings = parse(
  rewardModelSchema,
  { epochs: 20, learningRate: spec ? 2e-5 : 1e-2, optimizer: 'adamw' },
  'example',
)
const work = mkdtempSync(join(tmpdir(), 'rlaif-reward-model-'))
const { history } = await trainRewardModel(
  model,
  pairs,
  { ...settings, seed: 1 },
  {
    checkpoints: join(work, 'checkpoints'),
    checkpointEvery: settings.checkpointEvery,
    onStep: (step, total, { loss }) =>
      step % 10 === 0 && console.log(`step ${step} of ${total}: loss ${loss.toFixed(3)}`),
  },
)
console.log(`accuracy on the last batch: ${history.at(-1).accuracy}`)

// A folder that transformers reads too; it is loaded again to score with.
saveModel(model, join(work, 'reward-model'), folder)
const stored = loadModel(join(work, 'reward-model'), { 'score.weight': [1, model.config.hiddenSize] })
const responses = ['With pleasure.', 'Leave me alone.']
const scores = await rewards(
  stored,
  responses.map((response) => sequence('Is this seat free?', response)),
  8,
)
responses.forEach((response, i) => console.log(`${scores[i].toFixed(2)}  ${response}`))
rmSync(work, { recursive: true })
