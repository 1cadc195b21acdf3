// Whether an endpoint refuses a request because its prompt is longer than the model's context, or because it asks for a
// longer answer than fits or than the model writes. The first can never be labelled; the second is a setting.
//
// Servers word both in many ways, and some name prompt and answer in one message: then the numbers tell, if there are
// any. Wordings of OpenAI, Azure, Anthropic, Google, Mistral, Cohere, xAI, Groq, OpenRouter, Bedrock, DashScope, vLLM,
// SGLang, llama.cpp, llama-cpp-python, Ollama, LM Studio, TGI, TensorRT-LLM, LMDeploy and MLC are in the tests.

/** Which part of a request is too long. */
export type TooLong = 'prompt' | 'answer'

/** Looked at; longer messages quote the request. */
const MAX_READ = 4000

/** Of a request that is too long, without saying which part. */
const LONG = [
  /context[_ ](length|window|size)|maximum context|too (long|many tokens)/,
  /exceed_context_size|model_context_window_exceeded|exceeds max length/,
  /longer than the (maximum |model|context)|maximum (prompt|input|model|sequence) length/,
  /reduce (the length|the number of tokens|your prompt)|a prompt shorter|use a shorter input/,
  /too large for model with|range of input length|input is too large to process|the model input length/,
  /number of tokens to keep|trying to keep the first|inputs tokens \+ max_new_tokens|inputs must have less than/,
]
/** The same in two parts, the second soon after the first. */
const LONG_PARTS: Parts[] = [
  [/(input|prompt)( token| \(\d| length)/, /exceed/],
  [/exceeded? (model|max|session)/, /token|length|len\b/],
]
/** Of an answer: a limit of the model, or one that does not fit behind the prompt. */
const ANSWER = [
  /at most \d{1,9} (completion|output|new) tokens|model output limit|range of max_?tokens/,
  /maximum (allowed )?(number of )?(output|completion|new) tokens|max_tokens: \d{1,9} > /,
]
const ANSWER_PARTS: Parts[] = [
  [
    /max_?(completion_|new_|output_?)?tokens/,
    /too (large|high|big)|exceed|greater than|must be|should be|out of range|a maximum of|value of|supported range/,
  ],
]
/** Prompt and limit, where a message gives both. */
const INPUT_TOKENS = [
  /\b(\d{1,9}) (?:of text input|in (?:the|your) (?:messages|prompt)|input tokens|inputs tokens|tokens from the input)/,
  /context limit: (\d{1,9}) \+/,
]
const LIMIT = [
  /context (?:length|window|limit)(?: is| of)? (\d{1,9})/,
  /max_new_tokens must be <= (\d{1,9})/,
  /\+ \d{1,9} > (\d{1,9})/,
]

/** A beginning, and what must follow within a line's length. */
type Parts = readonly [first: RegExp, then: RegExp]
const REACH = 120

function hasParts(text: string, [first, then]: Parts): boolean {
  const at = text.search(first)
  return at >= 0 && then.test(text.slice(at, at + REACH))
}

const firstNumber = (text: string, patterns: readonly RegExp[]): number | undefined => {
  const found = patterns.map((pattern) => pattern.exec(text)?.[1]).find((digits) => digits !== undefined)
  return found === undefined ? undefined : Number(found)
}

/** Which part of a request an endpoint finds too long, or undefined if it complains about something else. */
export function tooLongPart(given: string): TooLong | undefined {
  const text = given.slice(0, MAX_READ).toLowerCase().replace(/[`'"]/g, '')
  const isLong = LONG.some((pattern) => pattern.test(text)) || LONG_PARTS.some((parts) => hasParts(text, parts))
  const isAnswer = ANSWER.some((pattern) => pattern.test(text)) || ANSWER_PARTS.some((parts) => hasParts(text, parts))
  if (!isLong && !isAnswer && !exceedsContext(text)) return undefined
  const [input, limit] = [firstNumber(text, INPUT_TOKENS), firstNumber(text, LIMIT)]
  if (input !== undefined && limit !== undefined) return input < limit ? 'answer' : 'prompt'
  return isAnswer ? 'answer' : 'prompt'
}

/** Whether an endpoint complains about a prompt that is longer than its model's context. */
export const saysTooLong = (text: string): boolean => tooLongPart(text) === 'prompt'

const exceedsContext = (text: string): boolean =>
  text.split(/[\n\r\u2028\u2029]/).some((line) => {
    const at = line.search(/exceeds? /)
    return at >= 0 && /context|tokens/.test(line.slice(at))
  })
