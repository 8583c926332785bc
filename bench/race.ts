/**
 * Contenders that do the same work in turn, in one run: machines differ and are busy, so what counts is the ratio.
 */

export interface Contender {
  readonly name: string
  /** What is timed. */
  readonly run: () => Promise<void>
  /** Sets the scene before each round, and is not timed. */
  readonly before?: (() => Promise<void>) | undefined
}

export interface Result {
  readonly name: string
  /** Milliseconds, in order of size. */
  readonly times: ReadonlyArray<number>
}

const quantile = (times: ReadonlyArray<number>, at: number): number => {
  const place = (times.length - 1) * at
  const [low = 0, high = low] = [times[Math.floor(place)], times[Math.ceil(place)]]
  return low + (high - low) * (place - Math.floor(place))
}

export const median = ({ times }: Result): number => quantile(times, 0.5)

/** One round of each that does not count, then `rounds` of each in turn. */
export const race = async (contenders: ReadonlyArray<Contender>, rounds: number): Promise<ReadonlyArray<Result>> => {
  const times = new Map<string, Array<number>>(contenders.map(({ name }) => [name, []]))
  for (let round = -1; round < rounds; round++) {
    // Who begins has warm or cold caches to himself: everybody does in turn.
    const order = round % 2 === 0 ? contenders : contenders.toReversed()
    for (const { before, name, run } of order) {
      await before?.()
      const begun = performance.now()
      await run()
      if (round >= 0) times.get(name)?.push(performance.now() - begun)
    }
  }
  return contenders.map(({ name }) => ({ name, times: (times.get(name) ?? []).toSorted((a, b) => a - b) }))
}

/** A table whose ratios are to the contender that is named first. */
export const print = (title: string, results: ReadonlyArray<Result>): void => {
  const [first] = results
  if (first === undefined) return
  process.stdout.write(`\n${title} (${first.times.length} rounds each, in turn)\n`)
  for (const result of results) {
    const ratio = (median(result) / median(first)).toFixed(2).padStart(6)
    const spread = [0.25, 0.5, 0.75].map((at) => quantile(result.times, at).toFixed(0)).join(" / ")
    process.stdout.write(`  ${ratio}  ${result.name.padEnd(24)} quartiles ${spread} ms\n`)
  }
}
