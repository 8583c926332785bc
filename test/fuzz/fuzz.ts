import * as fc from "fast-check"
import * as Corpus from "./corpus.ts"

const given = Number(process.env["EFFECT_CONTAINERS_FUZZ_FACTOR"])

/** Times what a property says: a quarter of it among all other tests, ten times as much by `npm run test:fuzz`. */
const factor = given > 0 ? given : 0.25

/** How often a property is tried. */
export const runs = (usual: number): number => Math.ceil(usual * factor)

interface Options {
  /** The file in `corpus` of what it failed on before. */
  readonly corpus: string
  readonly runs: number
}

/** What a property failed on, told by its smallest form, is kept, so that each later run begins with it. */
const judge = <A>({ corpus }: Options, details: fc.RunDetails<[A]>): void => {
  const { counterexample } = details
  if (details.failed && counterexample !== null) Corpus.keep(corpus, counterexample[0])
  if (!details.failed) return
  throw new Error(`${fc.defaultReportMessage(details)}\nkept in test/fuzz/corpus/${corpus}.jsonl`, {
    cause: details.errorInstance
  })
}

/** Tries a property, first on what it failed on before. */
export const check = <A>(arbitrary: fc.Arbitrary<A>, property: (value: A) => void, options: Options): void => {
  const examples = Corpus.read<A>(options.corpus).map((value): [A] => [value])
  judge(options, fc.check(fc.property(arbitrary, property), { numRuns: runs(options.runs), examples }))
}

/** The same for one that is not over at once. */
export const checkAsync = async <A>(
  arbitrary: fc.Arbitrary<A>,
  property: (value: A) => Promise<void>,
  options: Options
): Promise<void> => {
  const examples = Corpus.read<A>(options.corpus).map((value): [A] => [value])
  judge(options, await fc.check(fc.asyncProperty(arbitrary, property), { numRuns: runs(options.runs), examples }))
}

/** Any character, those that break things more often than others. */
const point = (odd: string): fc.Arbitrary<string> =>
  fc.oneof(
    { weight: 6, arbitrary: fc.constantFrom(...odd) },
    { weight: 3, arbitrary: fc.integer({ min: 0x20, max: 0x7e }).map((code) => String.fromCodePoint(code)) },
    { weight: 1, arbitrary: fc.integer({ min: 0, max: 0x10ffff }).map((code) => String.fromCodePoint(code)) }
  )

/** A text in which the characters of `odd` are frequent. */
export const text = (odd: string, maxLength = 40): fc.Arbitrary<string> =>
  fc.array(point(odd), { maxLength }).map((points) => points.join(""))

export const bytes = (maxLength: number): fc.Arbitrary<Uint8Array> => fc.uint8Array({ maxLength })

/** Where a text of any length is cut: parts of a thousand. */
export const cuts: fc.Arbitrary<ReadonlyArray<number>> = fc.array(fc.integer({ min: 0, max: 1000 }), { maxLength: 12 })

/** The pieces between the cuts; some may be empty. */
export const split = (whole: Uint8Array, cuts: ReadonlyArray<number>): Array<Uint8Array> => {
  const at = cuts.map((cut) => Math.floor(cut * whole.length / 1000)).sort((a, b) => a - b)
  return [...at, whole.length].map((end, i) => whole.subarray(i === 0 ? 0 : at[i - 1], end))
}

export const concat = (pieces: ReadonlyArray<Uint8Array>): Uint8Array => new Uint8Array(Buffer.concat(pieces))

const tags = new Set([
  "NotFound",
  "AlreadyExists",
  "Conflict",
  "InvalidArgument",
  "Unauthenticated",
  "PermissionDenied",
  "Unavailable",
  "TimedOut",
  "ResourceExhausted",
  "Unsupported",
  "Protocol",
  "Internal"
])

export const isReason = (error: unknown): boolean =>
  error instanceof Error && "_tag" in error && tags.has(String(error._tag))
