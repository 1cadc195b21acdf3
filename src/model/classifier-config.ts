// The config.json with which transformers loads a reward model with its score head.

/** The name that transformers gives the model family's classifier, derived from that of its language model. */
const classifierOf = ({ architectures }: Record<string, unknown>) =>
  String((architectures as string[] | undefined)?.[0] ?? 'LlamaForCausalLM').replace(
    /(ForCausalLM|LMHeadModel)$/,
    'ForSequenceClassification',
  )

/** @param raw config.json of the language model */
export const classifierConfig = (raw: Record<string, unknown>): Record<string, unknown> => ({
  ...raw,
  architectures: [classifierOf(raw)],
  num_labels: 1,
})
