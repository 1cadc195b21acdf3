// config.json of a model of any family: what stages need to know of a model that another engine computes.
import { z } from 'zod'
import type { ModelConfig } from './architecture'
import { count, endIds, listOf } from './config-fields'

export type AnyConfig = Pick<ModelConfig, 'hiddenSize' | 'eosTokenIds' | 'raw'>

/** Names that families give to the width of their hidden states. */
const sizes = { hidden_size: count.optional(), n_embd: count.optional(), d_model: count.optional() }
const schema = z.looseObject({
  ...sizes,
  model_type: z.string().min(1),
  architectures: z.array(z.string()).nullish(),
  eos_token_id: endIds,
  text_config: z.looseObject(sizes).nullish(),
})

/**
 * Reads the parsed content of a config.json.
 * @param where name of the file in error messages
 * @throws when it is that of no language model
 */
export function parseAnyConfig(value: unknown, where: string): AnyConfig {
  const parsed = schema.safeParse(value)
  if (!parsed.success) throw new Error(`model: ${where} is not a valid config: ${z.prettifyError(parsed.error)}`)
  const { architectures, text_config: text, eos_token_id: ends, ...config } = parsed.data
  if (!architectures?.some((name) => /(CausalLM|LMHeadModel|ConditionalGeneration)$/.test(name)))
    throw new Error(
      `model: ${where} names no architecture that generates text; give a model whose "architectures" has a name that ` +
        'ends with ForCausalLM',
    )
  const of = { ...config, ...text }
  const hiddenSize = of.hidden_size ?? of.n_embd ?? of.d_model
  if (hiddenSize === undefined)
    throw new Error(`model: ${where} has neither hidden_size nor n_embd nor d_model; add hidden_size`)
  return { hiddenSize, eosTokenIds: listOf(ends), raw: value as Record<string, unknown> }
}
