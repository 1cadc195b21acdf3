// Typed access to the metadata of a GGUF file: missing keys and wrong types are reported by key.
import type { GgufValue } from './gguf'

const isNumber = (value: GgufValue) => typeof value === 'number' || typeof value === 'bigint'

/** @param file for messages */
export function metadataReader(metadata: ReadonlyMap<string, GgufValue>, file: string) {
  const get = <T>(key: string, is: (v: GgufValue) => boolean, kind: string, fallback?: T): T => {
    const value = metadata.get(key)
    if (value === undefined && fallback !== undefined) return fallback
    if (value === undefined || !is(value))
      throw new Error(`gguf: ${file} has no ${kind} "${key}" in its metadata; it cannot be imported`)
    return value as T
  }
  const number = (key: string, fallback?: number) => Number(get<number>(key, isNumber, 'number', fallback))
  return {
    has: (key: string) => metadata.has(key),
    number,
    optionalNumber: (key: string) => (metadata.has(key) ? number(key) : undefined),
    string: (key: string, fallback?: string) => get<string>(key, (v) => typeof v === 'string', 'text', fallback),
    flag: (key: string, fallback: boolean) => get<boolean>(key, (v) => typeof v === 'boolean', 'truth value', fallback),
    list: <T extends 'string' | 'number'>(key: string, of: T) =>
      get<(T extends 'string' ? string : number)[]>(
        key,
        (v) => Array.isArray(v) && v.every((item) => typeof item === of),
        `list of ${of}s`,
      ),
  }
}
export type MetadataReader = ReturnType<typeof metadataReader>
