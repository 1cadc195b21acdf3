// How servers say that a request is too long: prompts that no model could label, and limits of the answer that are a
// setting. Each wording as its server, or the client that reported it, shows it; numbers are ours.
import { tooLongPart } from '../../src/feedback/context-length'

const PROMPTS: [string, string][] = [
  [
    'OpenAI',
    "This model's maximum context length is 8192 tokens. However, your messages resulted in 9001 tokens. Please reduce the length of the messages.",
  ],
  [
    'OpenAI completions',
    "This model's maximum context length is 4097 tokens, however you requested 5010 tokens (5009 in your prompt; 1 for the completion). Please reduce your prompt; or completion length.",
  ],
  ['OpenAI, newer', 'Your input exceeds the context window of this model. Please adjust your input and try again.'],
  ['OpenAI, its code', 'Bad request context_length_exceeded'],
  [
    'vLLM',
    "This model's maximum context length is 2048 tokens. However, you requested 2100 tokens in the messages, Please reduce the length of the messages.",
  ],
  [
    'vLLM, decoder',
    'The decoder prompt (length 5000) is longer than the maximum model length of 4096. Make sure that `max_model_len` is no smaller than the number of text tokens.',
  ],
  ['vLLM, older', 'Input prompt (5000 tokens) is too long and exceeds limit of 4096'],
  ['vLLM, as 400', 'The prompt (total length 5000) is too long to fit into the model (context length 4096).'],
  [
    'vLLM, no room',
    "'max_tokens' or 'max_completion_tokens' is too large: 1. This model's maximum context length is 4096 tokens and your request has 4096 input tokens (1 > 4096 - 4096).",
  ],
  ['SGLang', "The input (5000 tokens) is longer than the model's context length (4096 tokens)."],
  [
    'SGLang, validation',
    'Input length (5000 tokens) exceeds the maximum allowed length (4090 tokens). Use a shorter input or enable --allow-auto-truncate.',
  ],
  ['llama.cpp', 'the request exceeds the available context size, try increasing it'],
  ['llama.cpp, its type', 'no exceed_context_size_error'],
  ['llama.cpp, 500', 'input is too large to process. increase the physical batch size (current batch size: 512)'],
  ['llama.cpp, 500 too', 'Context size has been exceeded.'],
  ['llama-cpp-python', 'Requested tokens (5000) exceed context window of 2048'],
  ['Ollama', 'the input length exceeds the context length'],
  ['LM Studio', 'The number of tokens to keep from the initial prompt is greater than the context length.'],
  [
    'LM Studio, newer',
    'Trying to keep the first 5000 tokens when context the overflows. However, the model is loaded with context length of only 4096 tokens',
  ],
  ['TGI', 'Input validation error: `inputs` must have less than 1024 tokens. Given: 2000'],
  [
    'TGI, sum',
    'Input validation error: `inputs` tokens + `max_new_tokens` must be <= 4096. Given: 5000 `inputs` tokens and 1 `max_new_tokens`',
  ],
  ['Anthropic', 'prompt is too long: 210000 tokens > 200000 maximum'],
  ['Google', 'The input token count (1200000) exceeds the maximum number of tokens allowed (1048576).'],
  ['Mistral', 'Prompt contains 40000 tokens and 0 draft tokens, too large for model with 32768 maximum context length'],
  ['Cohere', 'too many tokens: total number of tokens in the prompt cannot exceed 4081 - received 5000.'],
  ['Bedrock', 'Input is too long for requested model.'],
  ['xAI', "This model's maximum prompt length is 131072 but the request contains 537812 tokens."],
  ['Groq', 'Please reduce the length of the messages or completion.'],
  [
    'OpenRouter',
    "This endpoint's maximum context length is 8192 tokens. However, you requested about 10000 tokens (9000 of text input, 1000 in the output).",
  ],
  ['Moonshot', 'Invalid request: Your request exceeded model token limit: 8192'],
  ['Zhipu', 'Prompt exceeds max length'],
  ['MiniMax', 'invalid params, context window exceeds limit'],
  ['DashScope', 'Range of input length should be [1, 30720]'],
  ['TensorRT-LLM', 'Prompt length (5000) exceeds maximum input length (4096).'],
  ['MLC', 'Request prompt has 5000 tokens in total, larger than the model input length limit 4096'],
  ['GitHub', 'prompt token count of 128507 exceeds the limit of 128000'],
]
const ANSWERS: [string, string][] = [
  [
    'OpenAI',
    'max_tokens is too large: 100000. This model supports at most 16384 completion tokens, whereas you provided 100000.',
  ],
  [
    'OpenAI, both',
    "This model's maximum context length is 4097 tokens. However, you requested 4412 tokens (3900 in the messages, 512 in the completion). Please reduce the length of the messages or completion.",
  ],
  [
    'OpenAI, reasoning',
    'Could not finish the message because max_tokens or model output limit was reached. Please try again with higher max_tokens.',
  ],
  [
    'vLLM',
    "'max_tokens' or 'max_completion_tokens' is too large: 5000. This model's maximum context length is 4096 tokens and your request has 1200 input tokens (5000 > 4096 - 1200).",
  ],
  [
    'SGLang',
    "Requested token count exceeds the model's maximum context length of 4096 tokens. You requested a total of 6000 tokens: 3500 tokens from the input messages and 2500 tokens for the completion.",
  ],
  [
    'TGI',
    'Input validation error: `inputs` tokens + `max_new_tokens` must be <= 4096. Given: 100 `inputs` tokens and 5000 `max_new_tokens`',
  ],
  ['TGI, answer', 'Input validation error: `max_new_tokens` must be <= 512. Given: 1024'],
  ['Anthropic', 'max_tokens: 100000 > 8192, which is the maximum allowed number of output tokens for this model'],
  [
    'Anthropic, both',
    'input length and `max_tokens` exceed context limit: 190000 + 20000 > 200000, decrease input length or `max_tokens` and try again',
  ],
  [
    'Google',
    'Unable to submit request because it has a maxOutputTokens value of 10000 but the supported range is from 1 (inclusive) to 8193 (exclusive).',
  ],
  ['DashScope', 'Range of max_tokens should be [1, 8192]'],
]
const OTHERS = [
  "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.",
  'You exceeded your current quota, please check your plan and billing details.',
  'Requested sample logprobs of 20, which is greater than max allowed: 5',
  'Invalid API key',
  'The model `judge` does not exist.',
  "The response was filtered due to the prompt triggering Azure OpenAI's content management policy.",
  '',
]

test.each(PROMPTS)('a prompt that is too long, as %s says it', (_, text) => expect(tooLongPart(text)).toBe('prompt'))
test.each(ANSWERS)('an answer that is too long, as %s says it', (_, text) => expect(tooLongPart(text)).toBe('answer'))
test.each(OTHERS)('nothing of the kind: %s', (text) => expect(tooLongPart(text)).toBeUndefined())
