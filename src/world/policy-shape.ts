// What the policy of the miniature world is made of, before any training: corpus of its tokenizer, shape, chat template.
/** Rows that the tokenizer is trained on, of a seed that is used for nothing else. */
export const CORPUS = { seed: 900, rows: 6000 }
/** Larger than the number of words: each word becomes one token. */
export const VOCABULARY = 4096
const [END, USER, ASSISTANT] = ['<|end|>', '<|user|>', '<|assistant|>'] as const
export const SPECIAL_TOKENS = [END, USER, ASSISTANT]
const TEMPLATE =
  `{% for message in messages %}${USER}{{ message['content'] }}{% endfor %}` +
  `{% if add_generation_prompt %}${ASSISTANT}{% endif %}`

/**
 * 1.3 million weights. Two wide layers learn to copy from a post in half the steps of four narrow ones, and each step
 * has half the operations.
 */
export const CONFIG = {
  model_type: 'llama',
  architectures: ['LlamaForCausalLM'],
  hidden_size: 192,
  intermediate_size: 512,
  num_hidden_layers: 2,
  num_attention_heads: 6,
  num_key_value_heads: 6,
  max_position_embeddings: 512,
  tie_word_embeddings: true,
  rms_norm_eps: 1e-5,
  rope_theta: 10000,
  bos_token_id: 0,
  eos_token_id: 0,
}
export const TOKENIZER_CONFIG = {
  tokenizer_class: 'PreTrainedTokenizerFast',
  bos_token: END,
  eos_token: END,
  pad_token: END,
  add_prefix_space: true,
  clean_up_tokenization_spaces: false,
  model_max_length: 512,
  chat_template: TEMPLATE,
}
