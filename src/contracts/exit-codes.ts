// The exit codes of the `rlaif` command, for scripts. docs/scripting.md lists them.

export const EXIT_CODES = {
  done: { code: 0, meaning: 'The command did what it was asked to; a run that it waited for has completed.' },
  failed: {
    code: 1,
    meaning:
      'A run has failed, was terminated or timed out; what was checked is not usable; or the command met an error ' +
      'that another use of it would not have avoided.',
  },
  wrongUse: {
    code: 2,
    meaning: 'The command was used wrongly: an unknown command, flag or run, or a value that is not allowed.',
  },
  parked: {
    code: 3,
    meaning:
      'A stage is parked, of the run or of every run that it waits for: `rlaif resolve` continues it. ' +
      'The run is still open.',
  },
  cancelled: { code: 4, meaning: 'The run was cancelled.' },
  noServer: { code: 5, meaning: 'No Temporal server answers.' },
  interrupted: {
    code: 130,
    meaning: 'The command was ended by Ctrl-C. A run that it showed continues as long as its workers are up.',
  },
  outputClosed: {
    code: 141,
    meaning: 'What read the output has closed it, as `head` does. A run that the command showed continues.',
  },
} as const
export type ExitReason = keyof typeof EXIT_CODES

export const exitCode = (reason: ExitReason): number => EXIT_CODES[reason].code
