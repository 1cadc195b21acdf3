// The form of the requests to an endpoint: what its dialect says, and the settings that differ from it.
import type { Thinking } from '../contracts/endpoint-request'
import type { EndpointSettings } from '../contracts/labeler-settings'
import { DIALECTS, type Dialect } from './dialects'

export interface RequestForm {
  continues: object | undefined
  hasTopK: boolean
  topLogProbs: number
  countedAnswers: number | undefined
  thinking: Thinking
  thinkingTokens: number
  /** @returns the body as this endpoint takes it */
  shaped(body: object): object
}

/** The settings that a form is made from. */
export type FormSettings = Pick<
  EndpointSettings,
  'dialect' | 'request' | 'topLogProbs' | 'countedAnswers' | 'thinking' | 'thinkingTokens'
>

export function formOf(settings: FormSettings): RequestForm {
  const dialect: Dialect = DIALECTS[settings.dialect]
  const thinking = settings.thinking ?? 'strip'
  const countedAnswers = settings.countedAnswers ?? dialect.countedAnswers
  const omit = new Set([...(dialect.omit ?? []), ...(settings.request?.omit ?? [])])
  const rename = { ...dialect.rename, ...settings.request?.rename }
  const own = [dialect.add ?? {}, thinking === 'off' ? dialect.withoutThinking : {}, settings.request?.add ?? {}]
  return {
    continues: dialect.continues,
    hasTopK: dialect.hasTopK ?? false,
    topLogProbs: settings.topLogProbs ?? dialect.topLogProbs,
    countedAnswers,
    thinking,
    thinkingTokens: settings.thinkingTokens ?? (thinking === 'off' ? 0 : (dialect.thinkingTokens ?? 0)),
    shaped: (body) => merged([renamed(body, omit, rename), ...own]),
  }
}

const renamed = (body: object, omit: ReadonlySet<string>, rename: Readonly<Record<string, string>>): object =>
  Object.fromEntries(
    Object.entries(body)
      .filter(([name]) => !omit.has(name))
      .map(([name, value]: [string, unknown]) => [Object.hasOwn(rename, name) ? rename[name]! : name, value]),
  )

const isGroup = (value: unknown): value is object =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** Fields of later objects replace those of earlier ones; groups such as `chat_template_kwargs` are joined. */
function merged(bodies: readonly object[]): object {
  const result: Record<string, unknown> = {}
  for (const [name, value] of bodies.flatMap((body) => Object.entries(body) as [string, unknown][]))
    result[name] = isGroup(value) && isGroup(result[name]) ? { ...result[name], ...value } : value
  return result
}

/** What an answer depends on; absent where it is as it always was, so that stored answers are found again. */
export function formIdentity({ request, topLogProbs, thinking, thinkingTokens }: FormSettings): object {
  return { request, topLogProbs, thinking, thinkingTokens }
}
