// Token ids mean something only to the vocabulary they were made with. Artifacts that hold ids name it, and stages that
// bring ids and a model together compare.
import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { InvalidInput } from '../contracts/parse'
import { readJsonFile } from '../data/task'
import { loadTokenizer, type Tokenizer, type Vocabulary } from '../model/tokenizer'

const FILE = 'vocabulary.json'
const schema = z.object({ size: z.number().int(), sha256: z.string() })

/** Names the vocabulary of the ids in an artifact. */
export function writeVocabulary(folder: string, tokenizer: Pick<Tokenizer, 'vocabulary'>): void {
  writeFileSync(join(folder, FILE), JSON.stringify(tokenizer.vocabulary()))
}

/** The vocabulary of the ids in an artifact; undefined if it was made before artifacts named theirs. */
export const readVocabulary = (folder: string): Vocabulary | undefined =>
  existsSync(join(folder, FILE)) ? schema.parse(readJsonFile(join(folder, FILE))) : undefined

/** Passes on the name of the vocabulary with ids that are passed on. */
export function copyVocabulary(from: string, to: string): void {
  const vocabulary = readVocabulary(from)
  if (vocabulary) writeFileSync(join(to, FILE), JSON.stringify(vocabulary))
}

export const modelVocabulary = (folder: string): Vocabulary => loadTokenizer(folder).vocabulary()

/** Something with token ids, for messages. */
interface Named {
  /** E.g. "the policy file:///…". */
  name: string
  vocabulary: Vocabulary
}

const described = ({ name, vocabulary: { size, sha256 } }: Named) =>
  `${name} (${size} tokens, digest ${sha256.slice(0, 12)})`

/** @param remedy what to do @throws InvalidInput naming both when ids of the one are not those of the other */
export function refuseOtherVocabulary(stage: string, one: Named, other: Named, remedy: string): void {
  if (one.vocabulary.sha256 === other.vocabulary.sha256) return
  throw new InvalidInput(
    `${stage}: ${described(one)} and ${described(other)} have different vocabularies: ` +
      `the same token ids are other texts to them; ${remedy}`,
  )
}
