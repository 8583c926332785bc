import { assert, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Scope from "effect/Scope"
import { setTimeout as sleep } from "node:timers/promises"
import * as Handles from "./handles.ts"

/** No case takes longer, also on a machine that is busy: milliseconds. */
const patience = 30_000

/** Whether it comes true within a few seconds: for what the other side of a socket sees a moment later. */
export const soon = (holds: () => boolean): Effect.Effect<boolean> =>
  Effect.promise(async () => {
    for (const begun = Date.now(); Date.now() - begun < 5000;) {
      if (holds()) return true
      await sleep(5)
    }
    return holds()
  })

const tagOf = (error: unknown): string => {
  if (typeof error !== "object" || error === null || !("_tag" in error)) return `something untagged: ${String(error)}`
  const tag = String(error._tag)
  if ("candidates" in error && Array.isArray(error.candidates)) {
    return `${tag}: ${error.candidates.map(({ reason }) => reason._tag).join(", ")}`
  }
  if ("reason" in error && typeof error.reason === "object" && error.reason !== null && "_tag" in error.reason) {
    return `${tag}: ${String(error.reason._tag)}`
  }
  return "code" in error ? `${tag} ${String(error.code)}` : tag
}

/** What an effect came to, as whoever runs it sees it: the value, or the error's tag and that of its reason. */
export const outcome = <A, E, R>(
  effect: Effect.Effect<A, E, R>,
  show: (value: A) => string = String
): Effect.Effect<string, never, R> =>
  Effect.map(Effect.exit(effect), (exit) => {
    if (Exit.isSuccess(exit)) return show(exit.value)
    const error = Cause.findErrorOption(exit.cause)
    if (error._tag === "Some") return tagOf(error.value)
    return Cause.hasInterruptsOnly(exit.cause) ? "interrupted" : `a defect: ${Cause.pretty(exit.cause)}`
  })

/**
 * A case: what somebody does while the other side misbehaves, and what he gets. When it is over there is no timer and no
 * socket that would keep the process alive.
 */
export const hostile = (name: string, gets: string, program: Effect.Effect<string, unknown, Scope.Scope>): void =>
  it.live(name, (context) =>
    Effect.gen(function*() {
      const { left, value } = yield* Handles.watch(
        program.pipe(Effect.scoped, Effect.timeoutOrElse({ duration: patience, orElse: () => Effect.succeed("hangs") }))
      )
      context.task.meta.gets = value
      assert.strictEqual(value, gets)
      if (!(yield* soon(() => left().length === 0))) assert.fail(`left behind: ${left().join("\n")}`)
    }), patience + 20_000)
