// `rlaif schema`: the input of a workflow as JSON Schema, for editors, forms and other languages.
import { z } from 'zod'
import { workflowSchemas, type WorkflowName } from '../contracts/workflow-inputs'

type JsonSchema = { [key: string]: unknown; properties?: Record<string, JsonSchema>; required?: string[] }

export function workflowJsonSchema(workflow: WorkflowName): JsonSchema {
  // Of what a workflow makes of its input, where every field with a default is there; a person may leave those out.
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

/** A field with a default, or a group of such fields. */
function canBeLeftOut(schema: JsonSchema): boolean {
  if ('default' in schema) return true
  const alternatives = (schema.anyOf ?? schema.allOf) as JsonSchema[] | undefined
  return alternatives
    ? alternatives.some(canBeLeftOut)
    : schema.type === 'object' && (schema.required ?? []).every((name) => canBeLeftOut(schema.properties![name]!))
}
