// Variables of chat templates: the date they print, and switches such as Qwen3's `enable_thinking`.
import { z } from 'zod'

/** The date that templates print unless a run names another: no clock, so that a prompt is the same on every day. */
export const TEMPLATE_DATE = '2026-01-01'

export const templateSchema = z
  .object({
    date: z.iso
      .date()
      .optional()
      .describe(`Date that a template prints as today's, as YYYY-MM-DD. Default: ${TEMPLATE_DATE}.`),
  })
  .catchall(z.union([z.string(), z.number(), z.boolean()]))
  .describe(
    'Variables of the chat template, by name, e.g. {"enable_thinking": false}; `date` is the date it prints as ' +
      "today's. Default: the template's own values.",
  )
export type TemplateSettings = z.infer<typeof templateSchema>
