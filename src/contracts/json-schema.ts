// `rlaif schema`: the input of a workflow as JSON Schema, for editors, forms and other languages.
import { z } from 'zod'
import { workflowSchemas, type WorkflowName } from './workflow-inputs'

export type JsonSchema = { [key: string]: unknown; properties?: Record<string, JsonSchema>; required?: string[] }

export function workflowJsonSchema(workflow: WorkflowName): JsonSchema {
  // The schema of the parsed input, in which fields with a default are required; `requireOnlyTheNecessary` undoes that.
  const schema = z.toJSONSchema(workflowSchemas[workflow], {
    io: 'output',
    unrepresentable: 'any',
    override: ({ jsonSchema }) => requireOnlyTheNecessary(jsonSchema as JsonSchema),
  }) as JsonSchema
  return { ...schema, title: workflow }
}

function requireOnlyTheNecessary(schema: JsonSchema): void {
  if (!schema.required) return
  const necessary = schema.required.filter((name) => !canBeLeftOut(schema.properties![name]!))
  if (necessary.length > 0) schema.required = necessary
  else delete schema.required
}

/** Whether it is a field with a default, or a group of such fields. */
function canBeLeftOut(schema: JsonSchema): boolean {
  if ('default' in schema) return true
  const alternatives = (schema.anyOf ?? schema.allOf) as JsonSchema[] | undefined
  return alternatives
    ? alternatives.some(canBeLeftOut)
    : schema.type === 'object' && (schema.required ?? []).every((name) => canBeLeftOut(schema.properties![name]!))
}
