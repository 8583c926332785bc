/**
 * Contenders that do the same work in turn, in one run: machines differ and are busy, so what counts is the ratio.
 */
import type { Row } from "./table.ts"

/** What was measured of one round, by the name of the quantity. */
export type Sample<Quantity extends string> = Readonly<Record<Quantity, number>>

export interface Contender<Quantity extends string> {
  readonly name: string
  /** One round. */
  readonly run: () => Promise<Sample<Quantity>>
  /** Sets the scene before each round, and is not measured. */
  readonly before?: (() => Promise<unknown>) | undefined
}

export interface Raced<Quantity extends string> {
  readonly name: string
  /** In order of the rounds. */
  readonly samples: ReadonlyArray<Sample<Quantity>>
}

/** How long it takes: milliseconds. */
export const timed = async (run: () => Promise<unknown>): Promise<Sample<"time">> => {
  const begun = performance.now()
  await run()
  return { time: performance.now() - begun }
}

/** A round of each that does not count (or `warmUp` of them), then `rounds` of each in turn. */
export const race = async <Quantity extends string>(
  contenders: ReadonlyArray<Contender<Quantity>>,
  rounds: number,
  warmUp = 1
): Promise<ReadonlyArray<Raced<Quantity>>> => {
  const samples = new Map<string, Array<Sample<Quantity>>>(contenders.map(({ name }) => [name, []]))
  for (let round = -warmUp; round < rounds; round++) {
    // Who begins has warm or cold caches to himself: everybody does in turn.
    const first = (round + warmUp) % contenders.length
    for (const { before, name, run } of [...contenders.slice(first), ...contenders.slice(0, first)]) {
      await before?.()
      const sample = await run()
      if (round >= 0) samples.get(name)?.push(sample)
    }
  }
  return contenders.map(({ name }) => ({ name, samples: samples.get(name) ?? [] }))
}

/** One quantity of a race, as rows of a table. */
export const rows = <Quantity extends string>(
  raced: ReadonlyArray<Raced<Quantity>>,
  quantity: NoInfer<Quantity>
): ReadonlyArray<Row> => raced.map(({ name, samples }) => ({ name, values: samples.map((sample) => sample[quantity]) }))
