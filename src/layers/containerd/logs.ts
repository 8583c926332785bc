import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { existsSync } from "node:fs"
import type { Primitives } from "../../Backend.ts"
import type * as Errors from "../../Errors.ts"
import type { ExitStatus } from "../../ExitStatus.ts"
import type { Engine } from "./engine.ts"
import { find } from "./engineTask.ts"
import { reason } from "./errors.ts"
import { folderOf } from "./folder.ts"
import { get, type State, stateOf } from "./inspect.ts"
import { idOf, labels } from "./record.ts"
import * as Logging from "./stdio/logging.ts"
import * as Order from "./stdio/order.ts"
import * as Replay from "./stdio/replay.ts"

const operation = "logs"

/** A logger that has not said by then that this was all was killed: milliseconds after the end of its container. */
const patience = 5000

const isRecent = ({ finishedAt = 0, state }: State): boolean => state === "exited" && Date.now() - finishedAt < patience

/** The kept output of containers. `waitForeign` waits for one that somebody else started. */
export const make = (
  engine: Engine,
  waitForeign: (name: string) => Effect.Effect<ExitStatus, Errors.Reason>
): Primitives["logs"] =>
(name, options) => {
  const id = idOf(name)
  const log = Order.paths(folderOf(engine, id))
  return Stream.unwrap(Effect.gen(function*() {
    const task = engine.known.get(id)?.task
    if (task !== undefined && Deferred.isDoneUnsafe(task.exited)) yield* Deferred.await(task.reaped)
    const container = yield* get(engine, operation, name)
    if (!existsSync(log.order)) {
      if (container.labels[labels.started] === undefined) return Stream.empty
      return Stream.fail(reason("Unsupported", {
        operation,
        message: `nothing is kept of what container ${name} writes: it was attached to when it started`
      }))
    }
    if (options.stdout === false && options.stderr === false) return Stream.empty
    if (task !== undefined && !task.isLogged) {
      const { observer } = task
      return Replay.read(
        log,
        options,
        options.follow !== true || observer === undefined ? undefined : {
          isOver: () => Deferred.isDoneUnsafe(task.reaped),
          subscribe: observer.subscribe
        }
      )
    }
    const isLogged = yield* Logging.isKept(operation, log)
    if (options.follow !== true) {
      // Its logger may still write down what it wrote last.
      const isEnding = isLogged && isRecent(stateOf(container, yield* find(engine, operation, id)))
      if (!isEnding) return Replay.read(log, options, undefined)
    }
    // It is over when its shim is gone, but its logger knows better.
    let isOver = false
    let failure: Errors.Reason | undefined
    yield* (task === undefined ? waitForeign(name) : Deferred.await(task.reaped)).pipe(
      Effect.andThen(Effect.sleep(isLogged ? patience : 100)),
      Effect.catch((error) =>
        Effect.sync(() => {
          // Removed or never started: nothing more is written.
          failure = error._tag === "NotFound" || error._tag === "Conflict" ? undefined : error
        })
      ),
      Effect.ensuring(Effect.sync(() => {
        isOver = true
      })),
      Effect.forkScoped
    )
    return Stream.concat(
      Replay.read(log, options, Replay.watching(log, () => isOver)),
      Stream.suspend(() => failure === undefined ? Stream.empty : Stream.fail(failure))
    )
  }))
}
