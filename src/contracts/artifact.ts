// What stages hand to each other: a reference, never the bytes (design decision 3).
import { z } from 'zod'
import { nameGiven } from './fields'

const summaryValue = z.union([z.string(), z.number(), z.boolean(), z.null()])
/** A few figures of an artifact, small enough for a workflow's history. */
export const summarySchema = z.record(z.string(), summaryValue)
export type Summary = z.infer<typeof summarySchema>

const ARTIFACT_URI = /^(file|s3):\/\//
export const isArtifactUri = (text: string): boolean => ARTIFACT_URI.test(text)
/** Whether a URI is of a policy in the store, not of a model folder elsewhere. */
export const isPolicyUri = (text: string): boolean =>
  isArtifactUri(text) && /\/(model|sft|rl|choose)\/[0-9a-f]{16,64}\/?$/.test(text)
export const artifactUri = nameGiven.regex(ARTIFACT_URI, 'expected the file:// or s3:// URI of an artifact')

export const artifactSchema = z
  .strictObject({
    uri: artifactUri.describe('Location of the artifact in the store.'),
    sha256: z
      .string()
      .regex(/^[0-9a-f]{64}$/, 'expected 64 hexadecimal digits')
      .describe('Digest of the content, without logs and timings.'),
    bytes: z.number().int().nonnegative().describe('Size of the content, in bytes.'),
    summary: summarySchema.describe('A few figures of the artifact.'),
  })
  .describe('Reference to a finished artifact, as a stage returns it.')
export type Artifact = z.infer<typeof artifactSchema>

/** How a person names an artifact. */
export const artifactGiven = z.union([artifactSchema, artifactUri]).describe('An artifact: its reference or its URI.')
export type ArtifactGiven = z.infer<typeof artifactGiven>
