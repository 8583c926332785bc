/**
 * What a contender can do. Each does it as its own documentation has it, with the same settings.
 */
export interface Contender {
  /** Runs a command in a new container and gives what it wrote on standard output. Its removal need not be waited for. */
  readonly run: (command: ReadonlyArray<string>) => Promise<string>
  /** So many runs, this many at a time; gives how many wrote what they should. */
  readonly many: (
    count: number,
    concurrency: number,
    command: ReadonlyArray<string>,
    expected: string
  ) => Promise<number>
  /** Processor time in milliseconds, where it is not this process that uses it. */
  readonly usage?: () => number
  /** Waits for what goes on, and closes what is open. */
  readonly close: () => Promise<void>
}

export const image = "busybox:test"

/** Work for those that have no means of their own to limit how much they do at a time. */
export const limited = (run: Contender["run"]): Contender["many"] => async (count, concurrency, command, expected) => {
  let begun = 0
  let right = 0
  await Promise.all(Array.from({ length: concurrency }, async () => {
    while (begun++ < count) if (await run(command) === expected) right++
  }))
  return right
}
