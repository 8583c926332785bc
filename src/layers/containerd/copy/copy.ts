import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { Primitives } from "../../../Backend.ts"
import type * as Errors from "../../../Errors.ts"
import type { Engine } from "../engine.ts"
import { find } from "../engineTask.ts"
import { reason } from "../errors.ts"
import { get } from "../inspect.ts"
import { mountsOf } from "../mounts.ts"
import type { Operation } from "./failure.ts"
import { pack } from "./pack.ts"
import * as Process from "./process.ts"
import * as Root from "./root.ts"
import * as Turns from "./turns.ts"
import { unpack } from "./unpack.ts"

interface Reached {
  readonly root: Root.Root
  /** Fails when the container's files are about to go away under the copy. */
  readonly revoked: Effect.Effect<never, Errors.Reason> | undefined
}

/** How often a process may end just when its files were to be looked at. */
const mostTries = 5

/** How long an end may take to be known. */
const pause = "100 millis"

const checkPath = (operation: Operation, path: string): Effect.Effect<void, Errors.InvalidArgument> =>
  path === "" || path.includes("\0")
    ? Effect.fail(reason("InvalidArgument", { operation, message: `${JSON.stringify(path)} is not a path` }))
    : Effect.void

/**
 * Copies of files from and to containers. containerd has no call for it: a container's files are reached by way of a
 * process that has them for its root, and where none runs one is made, never started, and taken away after the copy.
 */
export const make = (engine: Engine): Pick<Primitives, "copyIn" | "copyOut"> => {
  const reach = Effect.fnUntraced(function*(
    operation: Operation,
    name: string,
    path: string
  ): Effect.fn.Return<Reached, Errors.Reason, Scope.Scope> {
    yield* checkPath(operation, path)
    for (let tries = 1;; tries++) {
      const container = yield* get(engine, operation, name)
      const { id } = container
      const mounts = yield* mountsOf(engine, operation, container)
      const running = yield* find(engine, operation, id)
      const shared: { readonly pid: number; readonly revoked?: Effect.Effect<never, Errors.Reason> } =
        running !== undefined && Process.isAlive(running) ? running : yield* Turns.share(engine, id, {
          make: Process.make(engine, operation, container, mounts),
          end: Process.end(engine, operation, id)
        })
      const opened = yield* Effect.result(Root.open(operation, shared.pid, mounts))
      if (opened._tag === "Success") return { root: opened.success, revoked: shared.revoked }
      const now = yield* find(engine, operation, id)
      if (tries >= mostTries) return yield* opened.failure
      // It is there and we do not see it, or it is just ending; else it has ended, and what is true now has to be asked.
      if (now?.pid === shared.pid) yield* Effect.sleep(pause)
    }
  })

  return {
    copyIn: (name, path, archive) =>
      Effect.scoped(Effect.flatMap(reach("copyIn", name, path), ({ revoked, root }) => {
        const copied = unpack(root, path, archive)
        return revoked === undefined ? copied : Effect.raceFirst(copied, revoked)
      })),
    copyOut: (name, path) =>
      Stream.unwrap(Effect.map(reach("copyOut", name, path), ({ revoked, root }) => {
        const files = pack(root, path)
        return revoked === undefined ? files : Stream.interruptWhen(files, revoked)
      }))
  }
}
