// What a reasoning model thinks before its answer, where the server leaves it in the text: in tags of DeepSeek, Qwen,
// Mistral, Kimi and others, or in the channels of gpt-oss.

export interface Thought {
  thought: string
  answer: string
  /** The text ends within the thought. */
  isOpen: boolean
}

/** Beginnings and ends. Templates often write the beginning themselves: then the text starts within the thought. */
const TAGS: readonly (readonly [begin: string, end: string])[] = [
  ['<think>', '</think>'],
  ['<thinking>', '</thinking>'],
  ['<thought>', '</thought>'],
  ['<reasoning>', '</reasoning>'],
  ['[THINK]', '[/THINK]'],
  ['◁think▷', '◁/think▷'],
  ['<|channel|>analysis<|message|>', '<|channel|>final<|message|>'],
]
/** Between the channels of gpt-oss. */
const CHANNEL_END = /<\|end\|>(?:<\|start\|>assistant)?$/

export function splitThought(text: string): Thought {
  for (const [begin, end] of TAGS) {
    const start = text.trimStart().startsWith(begin) ? text.indexOf(begin) + begin.length : 0
    const at = text.indexOf(end, start)
    if (at >= 0)
      return {
        thought: text.slice(start, at).replace(CHANNEL_END, ''),
        answer: text.slice(at + end.length),
        isOpen: false,
      }
    if (start > 0) return { thought: text.slice(start), answer: '', isOpen: true }
  }
  return { thought: '', answer: text, isOpen: false }
}
