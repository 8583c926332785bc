import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import { inspect, isDeepStrictEqual } from "node:util"

/**
 * What a case asserts does not hold.
 *
 * @category errors
 * @since 0.1.0
 */
export class Mismatch extends Data.TaggedError("Mismatch")<{
  /** What was looked at. */
  readonly what: string
  readonly actual: unknown
  readonly expected: unknown
}> {
  override get message(): string {
    return `${this.what}\n  expected: ${show(this.expected)}\n  actual:   ${show(this.actual)}`
  }
}

/** Long output is cut: a mismatch of 4 MiB helps nobody. */
const show = (value: unknown): string =>
  inspect(value, { depth: 8, breakLength: 120, maxStringLength: 400, maxArrayLength: 20 })

/** Two values are the same, all the way down. */
export const equal = (what: string, actual: unknown, expected: unknown): Effect.Effect<void, Mismatch> =>
  isDeepStrictEqual(actual, expected) ? Effect.void : Effect.fail(new Mismatch({ what, actual, expected }))

/** Something holds; `actual` is shown when it does not. */
export const holds = (what: string, condition: boolean, actual: unknown): Effect.Effect<void, Mismatch> =>
  condition ? Effect.void : Effect.fail(new Mismatch({ what, actual, expected: "it to hold" }))

/**
 * Bytes are the same. Compared as a whole, and told by length and the first difference: an array of a million numbers is
 * slow to compare and impossible to read.
 */
export const equalBytes = (
  what: string,
  actual: Uint8Array,
  expected: Uint8Array
): Effect.Effect<void, Mismatch> => {
  if (Buffer.compare(actual, expected) === 0) return Effect.void
  let at = 0
  while (at < actual.length && at < expected.length && actual[at] === expected[at]) at++
  const around = (bytes: Uint8Array) => ({ length: bytes.length, from: at, bytes: [...bytes.subarray(at, at + 16)] })
  return Effect.fail(new Mismatch({ what, actual: around(actual), expected: around(expected) }))
}

/** Any of the library's errors, as far as a case looks at it. */
export interface Failure {
  readonly _tag: string
  readonly message: string
}

/** What is expected of an error. What is left out is not looked at. */
export interface Expected {
  readonly tag?: string | undefined
  /** The tag of its reason. */
  readonly reason?: string | undefined
  readonly image?: string | undefined
  readonly id?: string | undefined
  readonly field?: string | undefined
  readonly engine?: string | undefined
  /** What its message has to name. */
  readonly names?: ReadonlyArray<string> | undefined
}

const field = (error: object, name: string): unknown => (error as Readonly<Record<string, unknown>>)[name]

const summary = (error: Failure) => {
  const reason = field(error, "reason")
  return {
    tag: error._tag,
    reason: typeof reason === "object" && reason !== null ? field(reason, "_tag") : undefined,
    image: field(error, "image"),
    id: field(error, "id"),
    field: field(error, "field"),
    engine: field(error, "engine"),
    message: error.message
  }
}

/** Compares an error with what is expected of it. */
export const isFailure = (error: Failure, expected: Expected): Effect.Effect<void, Mismatch> => {
  const actual = summary(error)
  const { names, ...fields } = expected
  const same = Object.entries(fields).every(([name, value]) => field(actual, name) === value)
    && (names ?? []).every((name) => error.message.includes(name))
  return same ? Effect.void : Effect.fail(new Mismatch({ what: "the error", actual, expected }))
}

/** An effect fails with this error; gives it. */
export const fails = <A, E extends Failure, R>(
  effect: Effect.Effect<A, E, R>,
  expected: Expected
): Effect.Effect<E, Mismatch, R> =>
  Effect.matchEffect(effect, {
    onSuccess: (actual) => Effect.fail(new Mismatch({ what: "an effect that fails", actual, expected })),
    onFailure: (error) => Effect.as(isFailure(error, expected), error)
  })
