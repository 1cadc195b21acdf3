// `rlaif labeler check`: asks an endpoint six questions, and says what it can do, what they took, and which settings to
// use.
import type { LabelerCheckOutput } from '../contracts/command-output'
import { isEndpoint, isJury, type EndpointSettings } from '../contracts/labeler-settings'
import { InvalidInput, parse } from '../contracts/parse'
import { workflowSchemas } from '../contracts/workflow-inputs'
import { readTask, taskFolder } from '../data/task'
import { openEndpoint } from '../feedback/endpoint-labeler'
import { checkEndpoint, probabilitiesOf, type EndpointCheck } from '../feedback/labeler-check'
import { worldAnnotators } from '../world/named'
import { counted, formatCost } from '../number-format'

/** Pairs that the cost is given for. */
const PAIRS = 1000

/**
 * Asks the endpoint.
 * @param input the input of align, of which task and labeler are used
 */
export async function checkLabeler(input: unknown): Promise<CheckedLabeler> {
  const { labeler, ...settings } = parse(workflowSchemas.align, input, 'labeler check')
  if (isJury(labeler))
    throw new InvalidInput('labeler check: the labeler is a jury; this asks one endpoint: give a member of it alone')
  if (!isEndpoint(labeler))
    throw new InvalidInput(
      `labeler check: the labeler is the local model ${labeler.model}; this asks an endpoint: ` +
        'give {"labeler": {"baseUrl": …, "model": …}}',
    )
  const task = readTask(taskFolder(settings.task))
  return {
    check: await checkEndpoint((form) => openEndpoint(form, [worldAnnotators], 'labeler'), labeler, task),
    labeler,
  }
}

/** What came of the questions, and the settings that were given. */
interface CheckedLabeler {
  check: EndpointCheck
  labeler: EndpointSettings
}

export function checkOutput({ check, labeler }: CheckedLabeler): LabelerCheckOutput {
  const { isUsable, findings, changed, because, usage, settings } = check
  const { requests, promptTokens, completionTokens, cost } = usage
  return {
    usable: isUsable,
    findings: findings.map(({ asked, said, isGood }) => ({ asked, said, ok: isGood })),
    changed,
    because,
    ...{ requests, promptTokens, completionTokens },
    ...(settings.price && { cost }),
    ...(isUsable && { labeler: settingsToUse(check, labeler) }),
  }
}

export function checkLines({ check, labeler }: CheckedLabeler): string[] {
  const { findings, because, changed, settings, usage, isUsable } = check
  const lines = findings.map(({ asked, said, isGood }) => `${isGood ? '✓' : '✗'} ${asked}: ${said}`)
  if (!isUsable)
    return [
      ...lines,
      'No settings were found with which this endpoint labels.',
      ...because.map((why) => `tried because: ${why}`),
    ]
  return [
    ...lines,
    probabilitiesOf(settings),
    ...costLines(usage, settings, findings.length),
    ...because.map((why) => `changed because: ${why}`),
    changed.length > 0 ? 'Use these settings:' : 'The settings are right as they are:',
    JSON.stringify({ labeler: settingsToUse(check, labeler) }, null, 2),
  ]
}

const settingsToUse = ({ settings, changed }: EndpointCheck, given: EndpointSettings): Record<string, unknown> =>
  Object.fromEntries(
    ['baseUrl', 'model', 'apiKeyEnv', 'headers', ...givenForm(given), ...changed].map((name) => [
      name,
      settings[name as keyof EndpointSettings],
    ]),
  )

/** Given settings about the form of requests, which the answer repeats. */
const givenForm = (given: EndpointSettings): string[] =>
  ['route', 'dialect', 'request', 'topLogProbs', 'countedAnswers', 'thinking', 'thinkingTokens'].filter(
    (name) => given[name as keyof EndpointSettings] !== undefined,
  )

function costLines(
  { requests, promptTokens, completionTokens, cost, estimated }: EndpointCheck['usage'],
  settings: EndpointSettings,
  asked: number,
): string[] {
  const counts = estimated > 0 ? ' (estimated: the endpoint sends no counts)' : ''
  const took = `${counted(requests, 'request')} took ${promptTokens} + ${completionTokens} tokens${counts}`
  const perPair = (2 * PAIRS) / asked
  if (!settings.price) return [`${took}; give "price" to see what they cost`]
  return [`${took} and cost ${formatCost(cost)}: about ${formatCost(cost * perPair)} for ${PAIRS} pairs of that length`]
}
