// What stages hand to each other: a reference, never the bytes (design decision 3).
import { z } from 'zod'

const summaryValue = z.union([z.string(), z.number(), z.boolean(), z.null()])
/** A few figures of an artifact, small enough for a workflow's history. */
export const summarySchema = z.record(z.string(), summaryValue)
export type Summary = z.infer<typeof summarySchema>

const ARTIFACT_URI = /^(file|s3):\/\//
export const isArtifactUri = (text: string): boolean => ARTIFACT_URI.test(text)
/** A policy in the store, as against a model's folder elsewhere. */
export const isPolicyUri = (text: string): boolean =>
  isArtifactUri(text) && /\/(model|sft|rl|choose)\/[0-9a-f]{16,64}\/?$/.test(text)
export const artifactUri = z.string().regex(ARTIFACT_URI, 'wants the file:// or s3:// URI of an artifact')

export const artifactSchema = z
  .strictObject({
    uri: artifactUri.describe('Where it lies in the artifact store.'),
    sha256: z
      .string()
      .regex(/^[0-9a-f]{64}$/, 'wants 64 hexadecimal digits')
      .describe('Digest of the content; logs and timings are left out of it.'),
    bytes: z.number().int().nonnegative(),
    summary: summarySchema,
  })
  .describe('Reference to a finished artifact, as a stage returns it.')
export type Artifact = z.infer<typeof artifactSchema>

/** How a person names an artifact. */
export const artifactGiven = z.union([artifactSchema, artifactUri]).describe('An artifact: its reference or its URI.')
