/** Called with what is being done within a step and how much of it is done: a step that takes long is not a hung one. */
export type OnPart = (doing: string, done: number, total: number) => void
