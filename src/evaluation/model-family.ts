// Whether two models are relatives, guessed from their names: a judge favours what it, or a model like it, has taught.
// A name is what reports have of a model: "Qwen2.5-7B at host:8000", "hf:Qwen/Qwen2.5-72B@main", a folder, a .gguf
// file, "default", "L of the miniature world". A guess by name may miss relatives that were renamed; it never proves
// that two models are independent.

/** Families by a pattern of their members' names. A model distilled from one family into another is of both. */
const FAMILIES: [family: string, pattern: RegExp][] = [
  ['SmolLM', /smollm|^default$/],
  ['Qwen', /qwen|qwq|qvq/],
  ['Llama', /llama|vicuna|alpaca/],
  ['Mistral', /mistral|mixtral|ministral|magistral|codestral|zephyr/],
  ['DeepSeek', /deepseek/],
  ['Gemma', /gemma/],
  ['Gemini', /gemini/],
  ['PaLM', /palm|bison|unicorn/],
  ['Phi', /\bphi-?\d/],
  ['GPT-2', /gpt-?2\b/],
  ['GPT of OpenAI', /gpt-?[345]|gpt-oss|chatgpt|\bo[134](-|$)/],
  ['Claude', /claude/],
  ['Command', /command-?[ra]|c4ai|\baya/],
  ['OLMo', /olmo|tulu/],
  ['Pythia', /pythia|gpt-?neox|dolly/],
  ['Falcon', /falcon/],
  ['Yi', /\byi-/],
  ['Granite', /granite/],
  ['GLM', /glm-?\d|chatglm/],
  ['InternLM', /internlm/],
  ['T5', /\bt5|flan/],
]

const WORLD = / of the miniature world$/
/** Simulated labelers of different quality. "gold" is the truth itself and "human" stands for people: no relatives. */
const WORLD_LABELER = /^(l|s|xs)$/

const DEFAULT_MODEL = 'smollm2-135m-instruct'
const QUANTIZATION = /^[-_.](i?q\d\w*|b?f16|fp?8|awq|gptq|gguf|int[48])$/
/** The longest names of quantizations have four parts: _q4_0_4_4; longer ones stay. */
const QUANTIZATION_PARTS = 8

function withoutRevision(name: string): string {
  const at = name.indexOf('@', name.lastIndexOf('/') + 1)
  return at < 0 ? name : name.slice(0, at)
}

function withoutQuantization(name: string): string {
  const end = name.split(/(?=[-_.])/).slice(-QUANTIZATION_PARTS)
  const at = end.findIndex((_, i) => QUANTIZATION.test(end.slice(i).join('')))
  return at < 0 ? name : name.slice(0, name.length - end.slice(at).join('').length)
}

/** The path segments of a model's name without its host, revision and quantization, in lower case. */
function segmentsOf(name: string): string[] {
  const place = name
    .trim()
    .toLowerCase()
    .replace(/ at \S+$/, '')
    .replace(/^(hf|file):(\/\/)?/, '')
  const bare = withoutQuantization(withoutRevision(place).replace(/\.gguf$/, '')).replace(/:latest$/, '')
  return bare.split('/').filter((part) => part !== '')
}

/** The model that a name names, wherever it is served: equal for equal models. */
function modelOf(name: string): string {
  if (WORLD.test(name)) return name.toLowerCase()
  const last = (segmentsOf(name).at(-1) ?? '').replace(':', '-')
  return last === 'default' ? DEFAULT_MODEL : last
}

/** The families that a name speaks of; none if it speaks of no known one. Of a path, its last telling part counts. */
export function familiesOf(name: string): string[] {
  if (WORLD.test(name)) return WORLD_LABELER.test(name.replace(WORLD, '').toLowerCase()) ? ['simulated labelers'] : []
  const telling = (part: string) => FAMILIES.flatMap(([family, pattern]) => (pattern.test(part) ? [family] : []))
  return (
    segmentsOf(name)
      .slice(-3)
      .reverse()
      .map(telling)
      .find((families) => families.length > 0) ?? []
  )
}

export type Kinship = { kind: 'same model' } | { kind: 'same family'; family: string }

/** How two models are related, by their names; undefined where the names show nothing. */
export function kinshipOf(name: string, other: string): Kinship | undefined {
  if (modelOf(name) !== '' && modelOf(name) === modelOf(other)) return { kind: 'same model' }
  const family = familiesOf(name).find((family) => familiesOf(other).includes(family))
  return family === undefined ? undefined : { kind: 'same family', family }
}

/** Who made a policy and who judges it. */
export interface Roles {
  judge: string
  /** Who labelled pairs or scored responses that the policy was trained on. */
  labelers: readonly string[]
  /** The models that training started from. A labeler or judge named "policy" is the run's own initial policy. */
  policies: readonly string[]
}

/** What sentences call a judge or labeler: the name "policy" stands for the run's own initial policy. */
export const spokenName = (name: string): string => (name === 'policy' ? 'the initial policy' : name)

const JURY = 'jury of '
/** Who is behind a name: the members of a jury. */
const membersOf = (name: string): string[] => (name.startsWith(JURY) ? name.slice(JURY.length).split(', ') : [name])

/** What the names show about judge, labelers and policies, in sentences. */
export function kinshipRemarks({ judge, labelers, policies }: Roles): string[] {
  const all = labelers.flatMap(membersOf)
  return [...new Set(membersOf(judge).flatMap((one) => remarksOf({ judge: one, labelers: all, policies })))]
}

function remarksOf({ judge, labelers, policies }: Roles): string[] {
  const own = (name: string) => name === 'policy'
  const resolved = (name: string) => (own(name) ? (policies[0] ?? name) : name)
  const distinct = [...new Set(labelers)].filter((labeler) => labeler !== 'people')
  if (own(judge) && distinct.every(own) && distinct.length > 0)
    return [`Judge and labeler are both the initial policy: it was trained towards its judge's preferences.`]
  return [
    ...distinct.flatMap((labeler) => judgeAndLabeler(judge, labeler, kinshipOf(resolved(judge), resolved(labeler)))),
    ...withPolicies('judge', judge, policies),
    ...distinct.flatMap((labeler) => withPolicies('labeler', labeler, policies)),
  ]
}

function judgeAndLabeler(judge: string, labeler: string, kinship: Kinship | undefined): string[] {
  if (kinship?.kind === 'same model')
    return [
      `Judge and labeler are the same model, ${spokenName(judge)}: the policy was trained towards its judge's preferences.`,
    ]
  if (kinship)
    return [
      `Judge (${judge}) and labeler (${labeler}) are of the same family by name, ${kinship.family}: ` +
        'the judge may share the preferences that the policy was trained towards.',
    ]
  return []
}

function withPolicies(role: string, name: string, policies: readonly string[]): string[] {
  if (name === 'policy') return [`The ${role} is the initial policy itself.`]
  const remarks = policies.flatMap((policy) => {
    const kinship = kinshipOf(name, policy)
    if (kinship?.kind === 'same model') return [`The ${role}, ${name}, is the model that the policy was trained from.`]
    return kinship
      ? [`The ${role} (${name}) and the policy (${policy}) are of the same family by name, ${kinship.family}.`]
      : []
  })
  return [...new Set(remarks)]
}
