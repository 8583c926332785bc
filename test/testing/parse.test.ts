/** The scripts that the conformance cases give to the engine in memory. */
import { assert, describe, it } from "@effect/vitest"
import { parse, SyntaxError } from "../conformance/parse.ts"

describe("a script of more than the shell in memory understands", () => {
  for (const script of ["i=$((i + 1))", "(true)", "true | ; true", "> file ("]) {
    it(`is refused, and not read for ever: ${script}`, () => {
      assert.throws(() => parse(script), SyntaxError)
    })
  }
})
