import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { createHook } from "node:async_hooks"

/** What would keep a process alive that has nothing more to do. */
interface Handle {
  readonly type: string
  readonly resource: object
  readonly stack: string
}

const kinds: ReadonlySet<string> = new Set(["Timeout", "PIPEWRAP", "TCPWRAP", "PROCESSWRAP"])

/** The runner's own are none of ours. */
const isRunners = (stack: string): boolean => {
  const frame = stack.split("\n").slice(2).find((line) => !/\(?node:|async_hooks/.test(line))
  return frame === undefined || /node_modules\/(?:vitest|@vitest|tinypool|birpc)/.test(frame)
}

const isAlive = ({ resource, type }: Handle): boolean =>
  type !== "Timeout" || ("hasRef" in resource && typeof resource.hasRef === "function" && resource.hasRef() === true)

/** Notes the timers, sockets and processes that are made while an effect runs; `left` says which of them are still there. */
export const watch = <A, E, R>(
  effect: Effect.Effect<A, E, R>
): Effect.Effect<{ readonly value: A; readonly left: () => ReadonlyArray<string> }, E, R | Scope.Scope> =>
  Effect.gen(function*() {
    const handles = new Map<number, Handle>()
    let isNoting = true
    const hook = createHook({
      init: (id, type, _, resource) => {
        if (!isNoting || !kinds.has(type)) return
        const stack = new Error(type).stack ?? ""
        if (!isRunners(stack)) handles.set(id, { type, resource, stack })
      },
      destroy: (id) => void handles.delete(id)
    })
    yield* Effect.acquireRelease(Effect.sync(() => hook.enable()), () => Effect.sync(() => hook.disable()))
    const value = yield* effect
    // Whoever looks waits in between, with timers.
    isNoting = false
    return { value, left: () => [...handles.values()].filter(isAlive).map(({ stack, type }) => `${type} of ${stack}`) }
  })
