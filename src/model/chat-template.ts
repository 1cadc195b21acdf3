// Where a model folder keeps its chat template, and what a template sees: as in transformers' apply_chat_template.
import { existsSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { MOST_CONFIG_BYTES, readTextBounded } from '../bounded-file'
import { TEMPLATE_DATE, templateSchema, type TemplateSettings } from '../contracts/template-settings'
import { InvalidInput } from '../contracts/parse'
import { strftime } from './strftime'
import { openTemplate, type Rendering } from './template-interpreter'
import { readingFault, shownValue } from '../file-faults'

export interface ChatMessage {
  role: 'system' | 'user' | 'assistant'
  content: string
}

/** Characters of what a template says in a message. */
const MOST_SAID = 200
const TEMPLATE_FILE = 'chat_template.jinja'
const LEGACY_FILE = 'chat_template.json'
export const TEMPLATE_FOLDER = 'additional_chat_templates'
/** Ours: the variables that stage `model` was given for the template of this model. */
export const TEMPLATE_SETTINGS_FILE = 'template_settings.json'

const namedTemplates = z
  .array(z.object({ name: z.string(), template: z.string() }))
  .transform((list) => Object.fromEntries(list.map(({ name, template }) => [name, template])))
/** `chat_template` of tokenizer_config.json: one template, or several with a name each. */
export const templateField = z
  .union([
    z.string().transform((template) => ({ default: template })),
    namedTemplates,
    z.record(z.string(), z.string()),
  ])
  .nullish()
type NamedTemplates = Record<string, string>

/**
 * The templates in the files of a folder, by name; they take precedence over those in tokenizer_config.json.
 * chat_template.jinja holds the default one.
 */
function templateFiles(folder: string): NamedTemplates {
  const templates: NamedTemplates = {}
  const single = join(folder, TEMPLATE_FILE)
  if (existsSync(single)) templates.default = readTextBounded(single, MOST_CONFIG_BYTES)
  const several = join(folder, TEMPLATE_FOLDER)
  for (const name of existsSync(several) ? readdirSync(several).sort() : [])
    if (name.endsWith('.jinja'))
      templates[name.slice(0, -'.jinja'.length)] = readTextBounded(join(several, name), MOST_CONFIG_BYTES)
  return templates
}

function readJson(file: string): unknown {
  try {
    return JSON.parse(readTextBounded(file, MOST_CONFIG_BYTES))
  } catch (error) {
    throw new Error(`tokenizer: ${file} cannot be read: ${readingFault(error)}`, { cause: error })
  }
}

/** chat_template.json, which older processors wrote. */
function legacyTemplates(folder: string): NamedTemplates {
  const file = join(folder, LEGACY_FILE)
  if (!existsSync(file)) return {}
  const parsed = z.object({ chat_template: templateField }).safeParse(readJson(file))
  if (!parsed.success) throw new Error(`tokenizer: ${file} holds no chat template: ${z.prettifyError(parsed.error)}`)
  return parsed.data.chat_template ?? {}
}

/**
 * The source of the folder's chat template; undefined if it has none.
 * @param inConfig the templates of tokenizer_config.json
 * @throws when there are several and none is the default: which one is meant is not known
 */
function templateSource(folder: string, inConfig: NamedTemplates | null | undefined): string | undefined {
  const places = [templateFiles(folder), inConfig ?? {}, legacyTemplates(folder)]
  const templates = places.find((place) => Object.keys(place).length > 0)
  if (!templates) return undefined
  if (templates.default === undefined)
    throw new Error(
      `tokenizer: ${folder} has the chat templates ${Object.keys(templates).join(', ')} and none named "default"; ` +
        `write the one to use to ${TEMPLATE_FILE}`,
    )
  return templates.default
}

/** The variables that stage `model` stored in a folder. */
export function readTemplateSettings(folder: string): TemplateSettings {
  const file = join(folder, TEMPLATE_SETTINGS_FILE)
  return existsSync(file) ? templateSchema.parse(readJson(file)) : {}
}

/** Stores variables in a folder, over those it has; models trained from it keep them. */
export function writeTemplateSettings(folder: string, settings: TemplateSettings): void {
  const all = { ...readTemplateSettings(folder), ...settings }
  const file = join(folder, TEMPLATE_SETTINGS_FILE)
  rmSync(file, { force: true }) // may be a clone of the file it was copied from
  writeFileSync(file, JSON.stringify(all, null, 2))
}

/** What a template or its parser says, for people: shortened, without what it quotes of the template. */
const saidBy = (error: unknown): string =>
  (error as Error).message
    .slice(0, MOST_SAID)
    .split(/["'`]/)
    .map((part, i) => (i % 2 === 0 ? part : shownValue(part)))
    .join('')

/** A conversation that the chat template does not accept, e.g. one with two user turns in a row. */
export class TemplateRefusal extends Error {
  override name = 'TemplateRefusal'
}

export interface ChatTemplate {
  /** The Jinja source. */
  source: string
  /** The date it prints as today's; undefined if it prints none. */
  date: string | undefined
  /**
   * @param addGenerationPrompt whether to end where the assistant's answer begins
   * @throws TemplateRefusal, or InvalidInput when the template takes more than a template may
   */
  render(messages: readonly ChatMessage[], addGenerationPrompt: boolean): string
}

interface TemplateParts {
  inConfig: NamedTemplates | null | undefined
  /** bos_token, eos_token and so on, as far as the tokenizer has them. */
  specialTokens: Record<string, string>
  settings: TemplateSettings
}

/** The chat template of a folder; undefined if it has none. @throws when it cannot be parsed */
export function openChatTemplate(
  folder: string,
  { inConfig, specialTokens, settings: { date = TEMPLATE_DATE, ...variables } }: TemplateParts,
): ChatTemplate | undefined {
  const source = templateSource(folder, inConfig)
  if (source === undefined) return undefined
  const render = parsedTemplate(source, folder)
  const given = {
    tools: null,
    documents: null,
    ...specialTokens,
    ...variables,
    [STRFTIME]: (format: string) => strftime(date, format),
  }
  return {
    source,
    date: source.includes('strftime_now') ? date : undefined,
    render(messages, addGenerationPrompt) {
      try {
        const textLength = messages.reduce((sum, { content }) => sum + content.length, 0)
        return render({ ...given, messages: [...messages], add_generation_prompt: addGenerationPrompt }, textLength)
      } catch (error) {
        if (error instanceof InvalidInput) throw error
        throw new TemplateRefusal(`the chat template refuses it: ${saidBy(error)}`, { cause: error })
      }
    },
  }
}

/** Our function in templates, as the engine's own strftime_now reads the clock and cannot be replaced. */
const STRFTIME = 'strftime_of_run'

function parsedTemplate(source: string, folder: string): Rendering {
  try {
    return openTemplate(source.replace(/\bstrftime_now\b/g, STRFTIME), `the chat template of ${folder}`)
  } catch (error) {
    if (error instanceof InvalidInput) throw error
    throw new Error(`tokenizer: the chat template of ${folder} cannot be parsed: ${saidBy(error)}`, {
      cause: error,
    })
  }
}
