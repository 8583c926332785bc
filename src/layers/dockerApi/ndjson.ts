import * as Result from "effect/Result"
import type * as Stream from "effect/Stream"
import type * as Errors from "../../Errors.ts"
import { type Stage, through } from "../../logs/stage.ts"
import { Utf8 } from "../../logs/utf8.ts"
import { reason } from "./errors.ts"

/** No engine's line comes near it: characters. */
const longestLine = 16 * 1024 * 1024

const BRACE = 0x7b

/**
 * Reads an answer that is one JSON value a line. `take` puts what a value means into `out`, or gives the failure that it
 * reports. What came before a failure is delivered before it.
 */
export const values = <A, B, E, R>(
  body: Stream.Stream<Uint8Array, E, R>,
  operation: string,
  decode: (input: unknown) => Result.Result<A, { readonly message: string }>,
  take: (value: A, out: Array<B>) => Errors.Reason | undefined
): Stream.Stream<B, E | Errors.Reason, R> =>
  through(body, (): Stage<Uint8Array, B, Errors.Reason> => {
    const utf8 = new Utf8()
    let rest = ""
    const odd = (message: string) => reason("Protocol", { operation, message })

    const line = (text: string, out: Array<B>): Errors.Reason | undefined => {
      // Before it is parsed: there may be millions, and each would be an exception.
      if (text.charCodeAt(0) !== BRACE && text.trim() === "") return undefined
      let json: unknown
      try {
        json = JSON.parse(text)
      } catch {
        return odd(`a line of the engine's answer is not JSON: ${JSON.stringify(text.slice(0, 100))}`)
      }
      const value = decode(json)
      return Result.isSuccess(value)
        ? take(value.success, out)
        : odd(`a line of the engine's answer is not of the form that its API says: ${value.failure.message}`)
    }
    const lines = (text: string, out: Array<B>): Errors.Reason | undefined => {
      let from = 0
      for (let to = text.indexOf("\n"); to >= 0; to = text.indexOf("\n", from)) {
        const failure = line(rest === "" ? text.slice(from, to) : rest + text.slice(from, to), out)
        if (failure !== undefined) return failure
        rest = ""
        from = to + 1
      }
      rest += text.slice(from)
      return rest.length > longestLine ? odd(`a line of the engine's answer is longer than ${longestLine}`) : undefined
    }
    return {
      push: (chunk, out) => lines(utf8.decode(chunk), out),
      end: (out) => line(rest + utf8.end(), out)
    }
  })
