// What `rlaif serve-reward` is told.

export const CONTEXTS = ['prompts', 'labels'] as const

export interface ServeRewardFlags {
  port: number
  host: string
  context: (typeof CONTEXTS)[number]
  /** Names, separated by commas. */
  specialTokens?: string
}

/** The variable that holds the token of the service. */
export const REWARD_TOKEN = 'RLAIF_REWARD_TOKEN'
