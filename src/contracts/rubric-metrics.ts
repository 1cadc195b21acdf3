// What the criteria of a rubric are called among the metrics of RL.

/** Before the name of a criterion: its mean over the responses of a step, in [-1, 1]. */
export const CRITERION = 'criterion '
/** Before the name of a metric of the reward: the same on the validation prompts. */
export const OF_VALIDATION = 'validation '
